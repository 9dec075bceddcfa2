"""Overload: the knee, several times the knee, and back: what gets through, how quick refusals are, the recovery."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loadtest.measuring.generator import Asked, RanStage, generate
from loadtest.measuring.readings import Readings
from loadtest.measuring.servers import Target
from loadtest.measuring.usage import Sampler
from loadtest.results.objectives import judge, read_objectives
from loadtest.results.rows import Table
from loadtest.results.run_report import DEADLINE_S
from loadtest.results.summary import Summary, summary_of
from loadtest.results.tables import markdown
from loadtest.traffic.stages import Stage

KNEE_S, BACK_S = 10.0, 20.0
"""Seconds at the knee before the overload, and at half the knee after it."""
BACK_SHARE = 0.5
_CALM_S = 3
# Streams start and end within this time of a change of stage.
_EDGE_S = 1.0


@dataclass(frozen=True, slots=True)
class Overload:
    """What a multiple of the knee came to."""

    name: str
    multiple: float
    at_knee: Summary
    over: Summary
    within_deadline_share: float
    """Of the right answers to requests that were due in the overload."""
    recovery_s: float | None
    """Seconds after the overload until the objectives hold again, as `recovery_s` has it; None where they do not."""
    memory_mib: tuple[float, float, float]
    """Median at the knee, most in the overload, median at the end."""

    @property
    def best_goodput(self) -> float:
        """The better one of the knee's and the overload's."""
        return max(self.at_knee.goodput, self.over.goodput)


def overload(
    target: Target, asked: Asked, readings: Readings, knee: float, multiple: float, *, seconds: float, folder: Path
) -> Overload:
    """Ten seconds at the knee, `seconds` at a multiple of it, twenty seconds at half of it, without a pause between."""
    stages = [Stage(KNEE_S, knee), Stage(seconds, knee * multiple), Stage(BACK_S, knee * BACK_SHARE)]
    with Sampler(readings, every_s=0.5) as sampler:
        table, ran = generate(target, asked, stages, folder)
    at_knee, over, back = ran
    right = table.due_between(over.start_s, over.end_s).of("ok")
    memory = [sampler.memory(stage.start_s, stage.end_s) for stage in ran]
    last = memory[2][len(memory[2]) // 2 :]
    return Overload(
        target.name,
        multiple,
        summary_of(table, at_knee.start_s + _EDGE_S, at_knee.end_s, deadline_s=DEADLINE_S),
        summary_of(table, over.start_s + _EDGE_S, over.end_s, deadline_s=DEADLINE_S),
        float((right.latency_s <= DEADLINE_S).mean()) if len(right) else 0.0,
        recovery_s(table, back, asked.objectives),
        (float(np.median(memory[0])), float(memory[1].max()), float(np.median(last))),
    )


def recovery_s(table: Table, back: RanStage, objectives_file: Path) -> float | None:
    """Whole seconds from the begin of a stage to the first of three seconds in a row that meet the objectives.

    The requests due in one second are few, so that p99 is the slowest of them.
    """
    objectives = read_objectives(objectives_file)
    in_a_row = 0
    for second in range(int(back.end_s - back.start_s)):
        verdicts = judge(objectives, table.due_between(back.start_s + second, back.start_s + second + 1))
        in_a_row = in_a_row + 1 if verdicts and all(verdict.met for verdict in verdicts) else 0
        if in_a_row == _CALM_S:
            return float(second + 1 - _CALM_S)
    return None


def overload_text(results: Sequence[Overload]) -> str:
    """A table in Markdown, and what is wrong with its rows, if anything."""
    best = {name: max(each.best_goodput for each in results if each.name == name) for name in {r.name for r in results}}
    header = (
        "", "times the knee", "offered/s", "goodput/s", "of the best", "p99 ms", "longest ms", "within the deadline",
        "refused", "refused in ms, p50 / p99", "failed", "back after", "MiB before / most / after", "sent on time",
    )  # fmt: skip
    rows = []
    for each in results:
        over = each.over
        refusals = "" if not over.refused_share else f"{over.refused_p50_ms:.1f} / {over.refused_p99_ms:.1f}"
        rows.append(
            (
                each.name,
                f"{each.multiple:g}",
                f"{over.offered:.1f}",
                f"{over.goodput:.1f}",
                f"{over.goodput / best[each.name]:.0%}" if best[each.name] else "",
                f"{over.p99_ms:.0f}",
                f"{over.longest_ms:.0f}",
                f"{each.within_deadline_share:.1%}",
                f"{over.refused_share:.1%}",
                refusals,
                f"{over.failed_share:.1%}",
                "not back" if each.recovery_s is None else f"{each.recovery_s:.0f} s",
                " / ".join(f"{mib:.0f}" for mib in each.memory_mib),
                f"{over.on_time_share:.1%}" + ("" if over.valid else " (invalid)"),
            )
        )
    return markdown(header, rows) + "\n"
