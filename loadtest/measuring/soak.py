"""Soak: hours at a share of the knee, and whether memory or latency grow."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadtest.measuring.generator import Asked, generate
from loadtest.measuring.servers import Target
from loadtest.measuring.usage import Watch
from loadtest.results.objectives import Verdict, judge, on_time_s, read_objectives
from loadtest.results.run_report import INVALID, MET, MISSED, endpoint_table
from loadtest.results.slopes import Slope, slope_of
from loadtest.results.summary import Summary, percentile, summary_of
from loadtest.results.tables import markdown
from loadtest.traffic.stages import Stage

# Allocators and caches settle in the first third: their growth ends, and the slope of a line does not say so.
_SETTLING_SHARE = 1 / 3
_WINDOWS = 60
# A figure that rose by less than this share of its level in all this time has not grown, however sure its slope is.
_SLIGHT_SHARE = 0.003


@dataclass(frozen=True, slots=True)
class Trend:
    """How a figure went over time."""

    slope: Slope
    level: float
    """Its mean."""
    rise: float
    """Of the line, from its first value to its last."""
    growth: float
    """Median of the last quarter of the time less that of the quarter before."""

    @property
    def grows(self) -> bool:
        """Whether it goes up for sure, and by more than is slight."""
        return self.slope.low > 0 and self.rise > _SLIGHT_SHARE * self.level


@dataclass(frozen=True, slots=True)
class Soak:
    """What a long run came to, without its first third."""

    seconds: float
    summary: Summary
    verdicts: list[Verdict]
    generator_cpu_share: float
    trends: dict[str, Trend]
    asked: dict[str, str]
    """The model, or the path, of each endpoint."""

    @property
    def exit_code(self) -> int:
        """INVALID where the rate was not kept, MISSED where something grows or an objective is missed, or MET."""
        if not self.summary.valid:
            return INVALID
        fine = all(each.met for each in self.verdicts) and not any(each.grows for each in self.trends.values())
        return MET if fine else MISSED


def soak(target: Target, asked: Asked, watch: Watch, rate: float, *, minutes: float, folder: Path) -> Soak:
    """Offer a rate for some minutes; what was measured is put into sixty windows, and slopes are drawn through these.

    Raises:
        ValueError: nothing was answered in a window; the rate is too low for the time.
    """
    with watch:
        generated = generate(target, asked, [Stage(minutes * 60, rate)], folder)
    table, ran = generated.table, generated.stages[0]
    start_s = ran.start_s + _SETTLING_SHARE * (ran.end_s - ran.start_s)
    end_s = ran.end_s
    edges = np.linspace(start_s, end_s, _WINDOWS + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    windows = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    usage = watch.usage(start_s, end_s)
    memory_mib = np.array([float(np.median(usage.memory_between(left, right))) for left, right in windows])
    trends = {"memory, MiB": trend_of(middles, memory_mib)}
    for percent in (50, 95, 99):
        values = [
            percentile(table.due_between(left, right).of("ok").latency_s, percent) * 1000 for left, right in windows
        ]
        if not np.isfinite(values).all():
            raise ValueError("A window has no answers; take a higher rate or more minutes.")
        trends[f"p{percent}, ms"] = trend_of(middles, np.array(values))
    objectives = read_objectives(asked.objectives)
    return Soak(
        end_s - start_s,
        summary_of(table, start_s, end_s, rate=rate, on_time_s=on_time_s(objectives)),
        judge(objectives, table.due_between(start_s, end_s)),
        ran.generator_cpu_share,
        trends,
        generated.asked,
    )


def trend_of(at_s: NDArray[np.float64], values: NDArray[np.float64]) -> Trend:
    """The trend of (N,) values at (N,) evenly spaced moments in seconds."""
    quarter = len(values) // 4
    growth = float(np.median(values[-quarter:]) - np.median(values[-2 * quarter : -quarter]))
    slope = slope_of(at_s, values)
    rise = slope.per_hour * float(at_s[-1] - at_s[0]) / 3600
    return Trend(slope, float(values.mean()), rise, growth)


def soak_text(result: Soak) -> str:
    """The figures and slopes in Markdown."""
    summary, answers = result.summary, result.summary.answers
    rows: Sequence[Sequence[str]] = [
        (
            name,
            f"{trend.level:.1f}",
            f"{trend.growth:+.2f}",
            f"{trend.slope.per_hour:+.2f}",
            f"{trend.slope.low:+.2f} to {trend.slope.high:+.2f}",
            f"{trend.slope.margin:.2f}",
            "yes" if trend.grows else "not seen",
        )
        for name, trend in result.trends.items()
    ]
    lost = ", ".join(f"{count} {name}" for name, count in answers.counts.items() if count and name != "ok")
    header = (
        "", "mean", "last quarter less the one before", "slope per hour", "95 % interval", "smallest slope to be seen",
        "grows",
    )  # fmt: skip
    lines = [
        f"{result.seconds / 60:.0f} minutes, after a third as long to settle, at {summary.offered:.1f} requests/s: "
        f"{answers.share('ok'):.3%} right{f' ({lost})' if lost else ''}, p50 {answers.p50_ms:.1f} ms, "
        f"p99 {answers.p99_ms:.1f} ms; generator {result.generator_cpu_share:.0%} of a core, its lateness "
        f"p99 {summary.late_p99_ms:.1f} ms.",
        "",
        markdown(header, rows),
        "",
        '"Not seen" is not "flat": a slope below the smallest one to be seen would not have been.',
        *endpoint_table([("soak", summary)]),
        "",
        *(f"- {verdict}" for verdict in result.verdicts),
    ]
    if summary.problems:
        lines += ["", f"**The run is invalid**: {'; '.join(summary.problems)}."]
    return "\n".join(lines) + "\n"
