"""Load over time, as stages of constant offered rate: smoke, load, step, spike and soak, or any stages of one's own."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

_STAGE = re.compile(r"(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)")
LEAST_S = 2.0
"""Locust looks once a second what should be; a shorter stage could pass unseen."""


@dataclass(frozen=True, slots=True)
class Stage:
    """So many seconds at so many requests per second."""

    seconds: float
    rate: float

    def __str__(self) -> str:
        return f"{self.seconds:.10g}x{self.rate:.10g}"


@dataclass(frozen=True, slots=True)
class RanStage:
    """A stage as it was run."""

    stage: Stage
    start_s: float
    """Seconds since the epoch, as `end_s`."""
    end_s: float
    generator_cpu_share: float
    """CPU time of the generator, of its busiest process where there are several, as a share of one core."""


def smoke(rate: float) -> list[Stage]:
    """Ten seconds of little traffic, whatever the rate: does it work at all?"""
    return [Stage(10, min(rate, 2.0))]


def load(rate: float) -> list[Stage]:
    """Half a minute up, then five minutes at the rate: does it hold its objectives?"""
    return [*(Stage(6, rate * step / 5) for step in range(1, 5)), Stage(6 + 300, rate)]


def step(rate: float) -> list[Stage]:
    """Ten steps of half a minute from a fifth of the rate to twice the rate: where is the knee?"""
    return [Stage(30, rate * number / 5) for number in range(1, 11)]


def spike(rate: float) -> list[Stage]:
    """A minute at the rate, half a minute at five times the rate, and a minute back: does it recover?"""
    return [Stage(60, rate), Stage(30, 5 * rate), Stage(60, rate)]


def soak(rate: float) -> list[Stage]:
    """Half an hour at seven tenths of the rate: does anything grow?"""
    return [Stage(1800, 0.7 * rate)]


SHAPES: dict[str, Callable[[float], list[Stage]]] = {
    "smoke": smoke,
    "load": load,
    "step": step,
    "spike": spike,
    "soak": soak,
}


def parse_stages(text: str) -> list[Stage]:
    """Stages from `SECONDSxRATE,...`, as in 10x40,20x80.

    Raises:
        ValueError: the text has another form, or a stage is shorter than `LEAST_S` or has no rate.
    """
    stages = []
    for part in text.split(","):
        match = _STAGE.fullmatch(part.strip())
        if match is None or float(match[1]) < LEAST_S or not float(match[2]):
            raise ValueError(
                f"{part.strip()!r} is no stage; stages are written SECONDSxRATE,... as in 10x40,20x80, and last at "
                f"least {LEAST_S:g} seconds."
            )
        stages.append(Stage(float(match[1]), float(match[2])))
    return stages


def streams_for(rate: float, most: float, classes: int) -> int:
    """How many streams make up a rate, each of at most `most` per second; Locust deals them out evenly to classes of
    users, and each class gets as many as the others.
    """
    return classes * max(1, math.ceil(rate / most / classes - 1e-9))


def strictly_ascending(stages: Sequence[Stage]) -> bool:
    """Whether each of at least three stages has a higher rate than the one before."""
    rates = [stage.rate for stage in stages]
    return len(rates) > 2 and all(left < right for left, right in pairwise(rates))


def stage_at(stages: Sequence[Stage], elapsed_s: float) -> int | None:
    """The position of the stage that runs after so many seconds; None after the last."""
    ends_s = 0.0
    for index, each in enumerate(stages):
        ends_s += each.seconds
        if elapsed_s < ends_s:
            return index
    return None
