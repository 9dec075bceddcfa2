"""One step of offered load: what the service made of a rate."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtest.measuring.generator import Asked, generate
from loadtest.measuring.servers import Target
from loadtest.measuring.usage import Watch
from loadtest.results.objectives import Verdict, judge, on_time_s, read_objectives
from loadtest.results.summary import Summary, summary_of
from loadtest.traffic.stages import Stage

# Connections are opened and caches filled in this time; what is due in it counts for nothing.
_WARM_UP_S = 2.0
# With fewer requests, p99 is what a handful of them met with.
_REQUESTS = 1000
_LEAST_S, _MOST_S = 20.0, 120.0


@dataclass(frozen=True, slots=True)
class Step:
    """What one offered rate came to."""

    rate: float
    """Requests per second that were wanted; `summary.offered` says how many were due."""
    summary: Summary
    verdicts: list[Verdict]
    cpu_share: float
    """Of the service, in cores."""
    generator_cpu_share: float
    memory_mib: float
    """The most that was seen."""
    stage_ms: dict[str, float]
    """Mean time per request in each stage of the service; empty where it measures none."""
    asked: Mapping[str, str] = field(default_factory=dict)
    """The model, or the path, of each endpoint."""

    @property
    def missed(self) -> tuple[str, ...]:
        """A sentence for each objective that did not hold."""
        return tuple(str(verdict) for verdict in self.verdicts if not verdict.met)

    @property
    def judgement(self) -> str:
        """In one word."""
        if not self.summary.valid:
            return "invalid"
        return "missed" if self.missed else "met"


def step_seconds(rate: float) -> float:
    """How long a step at a rate lasts: for a thousand requests, within bounds."""
    return min(max(_REQUESTS / rate, _LEAST_S), _MOST_S)


def measure_step(target: Target, asked: Asked, watch: Watch, rate: float, *, seconds: float, folder: Path) -> Step:
    """Offer a rate for some seconds."""
    with watch:
        generated = generate(target, asked, [Stage(_WARM_UP_S + seconds, rate)], folder)
    ran = generated.stages[0]
    start_s, end_s = min(ran.start_s + _WARM_UP_S, ran.end_s), ran.end_s
    objectives = read_objectives(asked.objectives)
    measured = generated.table.due_between(start_s, end_s)
    never = [f"nothing was asked of {name}" for name in generated.asked if name not in measured.endpoints()]
    usage = watch.usage(start_s, end_s)
    return Step(
        rate,
        summary_of(
            generated.table,
            start_s,
            end_s,
            rate=rate,
            on_time_s=on_time_s(objectives, generated.asked),
            generator_problems=[*generated.problems, *never],
        ),
        judge(objectives, measured),
        usage.cpu_share,
        ran.generator_cpu_share,
        float(usage.memory_mib.max()),
        usage.stage_ms,
        generated.asked,
    )


def figures_of(step: Step) -> dict[str, Any]:
    """A step as plain values by name."""
    return {
        **step.summary.figures(),
        "objectives_met": not step.missed,
        "cpu_share": step.cpu_share,
        "generator_cpu_share": step.generator_cpu_share,
        "memory_mib": step.memory_mib,
        **{f"{stage}_ms": ms for stage, ms in step.stage_ms.items()},
    }


def write_steps(steps: Iterable[Step], path: Path) -> None:
    """One line of CSV per step; those of a rate that was measured again follow each other."""
    rows = []
    for step in sorted(steps, key=lambda each: each.rate):
        row = figures_of(step)
        del row["endpoints"]
        rows.append(row | {"problems": "; ".join(step.summary.problems)})
    columns = dict.fromkeys(name for row in rows for name in row)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(columns), restval="")
        writer.writeheader()
        writer.writerows(rows)
