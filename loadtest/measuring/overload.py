"""Overload: the knee, several times the knee, and back: what gets through, how quick refusals are, the recovery."""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loadtest.measuring.generator import Asked, Generated, generate
from loadtest.measuring.servers import Target
from loadtest.measuring.usage import Watch
from loadtest.results.objectives import Objective, judge, on_time_s, read_objectives
from loadtest.results.rows import Table
from loadtest.results.summary import Summary, summary_of
from loadtest.results.timeline import Timeline, timeline_of
from loadtest.traffic.stages import RanStage, Stage

KNEE_S, BACK_S = 10.0, 20.0
"""Seconds at the knee before the overload, and at half the knee after it."""
BACK_SHARE = 0.5
AROUND = (1.0, 1.2, 1.5)
"""Multiples of the knee among which the best goodput is looked for."""
_AROUND_S = 15.0
_CALM_S = 3
# Streams start and end within this time of a change of stage.
_EDGE_S = 1.0
_MOST_TRIES = 3
# Some of what is due in a stage is answered after it.
_ALL_SHARE = 0.95

Starting = Callable[[], AbstractContextManager[Target]]
"""Gives the service for one run of the generator: the same one each time, or one that was just started."""


@dataclass(frozen=True, slots=True)
class Overload:
    """What a multiple of the knee came to."""

    multiple: float
    at_knee: Summary
    over: Summary
    back: Summary
    recovery_s: float | None
    """Seconds after the overload until the objectives hold again, as `recovery_s` has it; None where they do not."""
    memory_mib: tuple[float, float, float]
    """Median at the knee, most in the overload, median at the end."""
    generator_cpu_share: float
    """In the overload."""
    seconds: float
    """Length of the overload."""
    timeline: Timeline
    """All three stages, counted from the begin of the overload."""

    @property
    def problems(self) -> list[str]:
        """Why the offered rate was not kept in one of the stages, in sentences."""
        # What went wrong with the generator stands in each.
        found = [problem for each in (self.at_knee, self.over, self.back) for problem in each.problems]
        return list(dict.fromkeys(found))

    @property
    def overloaded(self) -> bool:
        """Whether the service was asked for more than it answered right and in time."""
        return self.over.goodput < _ALL_SHARE * self.over.offered


@dataclass(frozen=True, slots=True)
class Overloaded:
    """A service, and all that it was put through."""

    name: str
    around: list[Summary]
    """Of the stages around the knee."""
    overloads: list[Overload]
    asked: dict[str, str]
    """The model, or the path, of each endpoint."""

    @property
    def best_goodput(self) -> float:
        """The most that was seen in any stage."""
        goodputs = [each.goodput for each in [*self.around, *(each.over for each in self.overloads)]]
        return max((each for each in goodputs if not math.isnan(each)), default=math.nan)


def around_knee(starting: Starting, asked: Asked, knee: float, *, folder: Path) -> Overloaded:
    """Look for the best goodput around the knee; the overloads are to follow."""
    stages = [Stage(_AROUND_S, knee * multiple) for multiple in AROUND]
    for attempt in range(1, _MOST_TRIES + 1):
        with starting() as target:
            generated = generate(target, asked, stages, folder / f"around-{attempt}")
        around = [_summary(generated, stage, asked) for stage in generated.stages]
        if all(each.valid for each in around):
            break
    return Overloaded(target.name, around, [], generated.asked)


def overload(
    starting: Starting,
    asked: Asked,
    watch_of: Callable[[Target], Watch],
    knee: float,
    multiple: float,
    *,
    seconds: float,
    folder: Path,
    tries: int,
) -> Overload:
    """Ten seconds at the knee, `seconds` at a multiple of it, twenty seconds at half of it, without a pause between.

    Where the generator does not keep the rate, all of it is repeated, up to `tries` times.
    """
    stages = [Stage(KNEE_S, knee), Stage(seconds, knee * multiple), Stage(BACK_S, knee * BACK_SHARE)]
    for attempt in range(1, tries + 1):
        with starting() as target:
            place = folder / f"times-{multiple:g}-{attempt}"
            result = _overload(target, asked, watch_of(target), multiple, stages, place)
        if not result.problems:
            break
    return result


def _overload(
    target: Target, asked: Asked, watch: Watch, multiple: float, stages: Sequence[Stage], folder: Path
) -> Overload:
    with watch:
        generated = generate(target, asked, stages, folder)
    before, ran, after = generated.stages
    at_knee, over, back = (_summary(generated, stage, asked) for stage in generated.stages)
    memory = [watch.usage(stage.start_s, stage.end_s).memory_mib for stage in generated.stages]
    last = memory[2][len(memory[2]) // 2 :]
    return Overload(
        multiple,
        at_knee,
        over,
        back,
        recovery_s(generated.table, after, read_objectives(asked.objectives)),
        (float(np.median(memory[0])), float(memory[1].max()), float(np.median(last))),
        ran.generator_cpu_share,
        ran.end_s - ran.start_s,
        timeline_of(generated.table, before.start_s, after.end_s, zero_s=ran.start_s),
    )


def _summary(generated: Generated, ran: RanStage, asked: Asked) -> Summary:
    return summary_of(
        generated.table,
        min(ran.start_s + _EDGE_S, ran.end_s),
        ran.end_s,
        rate=ran.stage.rate,
        on_time_s=on_time_s(read_objectives(asked.objectives), generated.asked),
        generator_problems=generated.problems,
    )


def recovery_s(table: Table, back: RanStage, objectives: Sequence[Objective]) -> float | None:
    """Whole seconds from the begin of a stage to the first of three seconds in a row that meet the objectives.

    The requests due in one second are few, so that p99 is the slowest of them. A second in which none was due says
    nothing and is passed over.
    """
    calm: list[int] = []
    for second in range(int(back.end_s - back.start_s)):
        verdicts = judge(objectives, table.due_between(back.start_s + second, back.start_s + second + 1))
        if not verdicts:
            continue
        calm = [*calm, second] if all(verdict.met for verdict in verdicts) else []
        if len(calm) == _CALM_S:
            return float(calm[0])
    return None
