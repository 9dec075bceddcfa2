"""Soak: hours at a share of the knee, and whether memory or latency grow."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loadtest.measuring.generator import Asked, generate
from loadtest.measuring.readings import Readings
from loadtest.measuring.servers import Target
from loadtest.measuring.usage import Sampler
from loadtest.results.run_report import DEADLINE_S
from loadtest.results.slopes import Slope, slope_of
from loadtest.results.summary import Summary, percentile, summary_of
from loadtest.results.tables import markdown
from loadtest.traffic.stages import Stage

# Allocators and caches settle in the first tenth, which is no slope.
_SETTLING_SHARE = 0.1
_WINDOWS = 60


@dataclass(frozen=True, slots=True)
class Soak:
    """What a long run came to."""

    seconds: float
    """Without the first tenth."""
    summary: Summary
    memory_first_mib: float
    memory_last_mib: float
    """Medians of the first and the last tenth of what is left."""
    slopes: dict[str, Slope]


def soak(target: Target, asked: Asked, readings: Readings, rate: float, *, minutes: float, folder: Path) -> Soak:
    """Offer a rate for some minutes; what was measured is put into sixty windows, and slopes are drawn through these.

    Raises:
        ValueError: nothing was answered in a window; the rate is too low for the time.
    """
    with Sampler(readings) as sampler:
        table, ran = generate(target, asked, [Stage(minutes * 60, rate)], folder)
    start_s = ran[0].start_s + _SETTLING_SHARE * (ran[0].end_s - ran[0].start_s)
    end_s = ran[0].end_s
    edges = np.linspace(start_s, end_s, _WINDOWS + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    windows = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    memory_mib = np.array([float(np.median(sampler.memory(left, right))) for left, right in windows])
    slopes = {"memory, MiB": slope_of(middles, memory_mib)}
    for percent in (50, 95, 99):
        values = [
            percentile(table.due_between(left, right).of("ok").latency_s, percent) * 1000 for left, right in windows
        ]
        if not np.isfinite(values).all():
            raise ValueError("A window has no answers; take a higher rate or more minutes.")
        slopes[f"p{percent}, ms"] = slope_of(middles, np.array(values))
    tenth = _WINDOWS // 10
    return Soak(
        end_s - start_s,
        summary_of(table, start_s, end_s, deadline_s=DEADLINE_S),
        float(np.median(memory_mib[:tenth])),
        float(np.median(memory_mib[-tenth:])),
        slopes,
    )


def soak_text(result: Soak) -> str:
    """The figures and slopes in Markdown."""
    summary = result.summary
    rows: Sequence[Sequence[str]] = [
        (name, f"{slope.per_hour:+.2f}", f"{slope.low:+.2f} to {slope.high:+.2f}", "yes" if slope.clear else "no")
        for name, slope in result.slopes.items()
    ]
    lines = [
        f"{result.seconds / 60:.0f} minutes at {summary.offered:.1f} requests/s"
        f"{'' if summary.valid else ' (invalid: the rate was not kept)'}: {summary.ok_share:.3%} right, "
        f"p50 {summary.p50_ms:.1f} ms, p99 {summary.p99_ms:.1f} ms, memory {result.memory_first_mib:.1f} MiB at first "
        f"and {result.memory_last_mib:.1f} MiB at last.",
        "",
        markdown(("slope of", "per hour", "95 % interval", "leaves out zero"), rows),
    ]
    return "\n".join(lines) + "\n"
