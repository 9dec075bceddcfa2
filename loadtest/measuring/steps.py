"""Steps of offered load, one Locust run each, and from them the knee."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from loadtest.measuring.generator import Asked, generate
from loadtest.measuring.readings import Readings, mean_stage_ms
from loadtest.measuring.servers import Target
from loadtest.measuring.usage import Sampler
from loadtest.results.knee import Knee, Point, find_knee
from loadtest.results.objectives import Verdict, judge, read_objectives
from loadtest.results.run_report import DEADLINE_S
from loadtest.results.summary import Summary, summary_of
from loadtest.traffic.stages import Stage

# Connections are opened and caches filled in this time; what is due in it counts for nothing.
_WARM_UP_S = 2.0
# Between the last rate that was carried and the first that was not.
_REFINED = 5


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

    @property
    def point(self) -> Point:
        """As the knee finder sees it."""
        missed = tuple(str(verdict) for verdict in self.verdicts if not verdict.met)
        return Point(self.summary.offered, self.summary.valid, missed)


def measure_step(
    target: Target, asked: Asked, readings: Readings, rate: float, *, seconds: float, folder: Path
) -> Step:
    """Offer a rate for some seconds."""
    before = readings.stage_totals()
    with Sampler(readings) as sampler:
        table, ran = generate(target, asked, [Stage(_WARM_UP_S + seconds, rate)], folder)
        readings.settle()
        after = readings.stage_totals()
    start_s, end_s = ran[0].start_s + _WARM_UP_S, ran[0].end_s
    return Step(
        rate,
        summary_of(table, start_s, end_s, deadline_s=DEADLINE_S),
        judge(read_objectives(asked.objectives), table.due_between(start_s, end_s)),
        sampler.cpu_share(start_s, end_s),
        ran[0].generator_cpu_share,
        float(sampler.memory(start_s, end_s).max()),
        mean_stage_ms(before, after),
    )


def search(measure: Callable[[float], Step], *, lowest: float, highest: float) -> Iterator[Step]:
    """Double the rate until it is not carried, then measure rates in between, evenly spaced, and one far beyond.

    Args:
        measure: Offers a rate.
        lowest: The first rate, requests per second.
        highest: The last rate of the doubling.

    Yields:
        The steps in the order in which they were measured.
    """
    carried, rate = 0.0, lowest
    while True:
        step = measure(rate)
        yield step
        if step.point.missed or not step.point.valid:
            break
        if rate >= highest:
            return
        carried, rate = rate, min(2 * rate, highest)
    if carried:
        for part in range(1, _REFINED + 1):
            yield measure(carried + (rate - carried) * part / (_REFINED + 1))
    if step.point.valid:
        yield measure(2 * rate)


def knee_of(steps: Sequence[Step]) -> Knee:
    """The knee of the steps."""
    return find_knee([step.point for step in steps])


def write_steps(steps: Sequence[Step], path: Path) -> None:
    """One line of CSV per step, ascending by rate."""
    stages = sorted({stage for step in steps for stage in step.stage_ms})
    with path.open("w", newline="") as file:
        writer: csv.DictWriter[str] | None = None
        for step in sorted(steps, key=lambda each: each.summary.offered):
            row: dict[str, object] = {
                "rate": step.rate,
                **asdict(step.summary),
                "valid": step.summary.valid,
                "objectives_met": not step.point.missed,
                "cpu_share": step.cpu_share,
                "generator_cpu_share": step.generator_cpu_share,
                "memory_mib": step.memory_mib,
                **{f"{stage}_ms": step.stage_ms.get(stage, "") for stage in stages},
            }
            if writer is None:
                writer = csv.DictWriter(file, list(row))
                writer.writeheader()
            writer.writerow(row)
