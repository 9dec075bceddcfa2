"""Soak: hours at a share of the knee, and whether memory or latency grow."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadtest.measuring.generator import Asked, Generated, generate
from loadtest.measuring.servers import Target
from loadtest.measuring.usage import Watch
from loadtest.results.objectives import Objective, Verdict, judge, on_time_s, read_objectives
from loadtest.results.run_report import INVALID, MET, MISSED, endpoint_table
from loadtest.results.slopes import Slope, slope_of
from loadtest.results.summary import Summary, percentile, summary_of
from loadtest.results.tables import markdown
from loadtest.traffic.stages import Stage

# Allocators and caches settle in the first third: their growth ends, and the slope of a line does not say so.
_SETTLING_SHARE = 1 / 3
_WINDOWS = 60
# With this many due on average, one of sixty windows stays empty in one of several hundred soaks.
_PER_WINDOW = 10
LEAST_REQUESTS = round(_PER_WINDOW * _WINDOWS / (1 - _SETTLING_SHARE))
"""In a shorter soak there is too little in a window."""
_LEAST_WINDOWS = 8
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
    """What a long run came to; trends leave out its first third, and nothing else does."""

    seconds: float
    summary: Summary
    verdicts: list[Verdict]
    generator_cpu_share: float
    trends: dict[str, Trend]
    """Of memory and latency, where enough windows had any."""
    silent: int
    """Windows in which requests were sent and none got the right answer."""
    asked: dict[str, str]
    """The model, or the path, of each endpoint."""

    @property
    def exit_code(self) -> int:
        """INVALID where the rate was not kept, MISSED where something grows, an objective is missed or nothing was
        answered for a while, or MET.
        """
        if not self.summary.valid:
            return INVALID
        grows = any(each.grows for each in self.trends.values())
        return MISSED if grows or self.silent or not all(each.met for each in self.verdicts) else MET


def soak(target: Target, asked: Asked, watch: Watch, rate: float, *, minutes: float, folder: Path) -> Soak:
    """Offer a rate for some minutes."""
    with watch:
        generated = generate(target, asked, [Stage(minutes * 60, rate)], folder)
    return soaked(generated, watch, read_objectives(asked.objectives))


def soaked(generated: Generated, watch: Watch, objectives: Sequence[Objective]) -> Soak:
    """Judge all of a run; without its first third, it is put into sixty windows, through which slopes are drawn."""
    table, ran = generated.table, generated.stages[0]
    edges = np.linspace(ran.start_s + _SETTLING_SHARE * (ran.end_s - ran.start_s), ran.end_s, _WINDOWS + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    windows = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    usage = watch.usage(float(edges[0]), ran.end_s)
    sent = [table.but("unsent").due_between(left, right) for left, right in windows]
    right = [each.of("ok") for each in sent]
    series = {"memory, MiB": [float(np.median(usage.memory_between(*window))) for window in windows]}
    for percent in (50, 95, 99):
        series[f"p{percent}, ms"] = [percentile(each.latency_s, percent) * 1000 for each in right]
    trends = {}
    for name, values in ((name, np.array(values)) for name, values in series.items()):
        known = np.isfinite(values)
        if known.sum() >= _LEAST_WINDOWS:
            trends[name] = trend_of(middles[known], values[known])
    late_s, problems = on_time_s(objectives, generated.asked), generated.problems
    return Soak(
        ran.end_s - ran.start_s,
        summary_of(table, ran.start_s, ran.end_s, rate=ran.stage.rate, on_time_s=late_s, generator_problems=problems),
        judge(objectives, table.due_between(ran.start_s, ran.end_s)),
        ran.generator_cpu_share,
        trends,
        sum(bool(len(asked)) and not len(answered) for asked, answered in zip(sent, right, strict=True)),
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
        f"{result.seconds / 60:.3g} minutes at {summary.offered:.1f} requests/s: "
        f"{answers.share('ok'):.3%} right{f' ({lost})' if lost else ''}, p50 {answers.p50_ms:.1f} ms, "
        f"p99 {answers.p99_ms:.1f} ms; generator {result.generator_cpu_share:.0%} of a core, its lateness "
        f"p99 {summary.late_p99_ms:.1f} ms.",
        "",
        "Without the first third, in which allocators and caches settle:",
        "",
        markdown(header, rows),
        "",
        '"Not seen" is not "flat": a slope below the smallest one to be seen would not have been.',
        *endpoint_table([("soak", summary)]),
        "",
        *(f"- {verdict}" for verdict in result.verdicts),
    ]
    if result.silent:
        lines += [f"- in {result.silent} of {_WINDOWS} windows nothing was answered right"]
    if summary.problems:
        lines += ["", f"**The run is invalid**: {'; '.join(summary.problems)}."]
    return "\n".join(lines) + "\n"
