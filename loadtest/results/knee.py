"""The knee: how much load a service carries before it misses its objectives."""

from collections.abc import Sequence
from dataclasses import dataclass

DEFINITION = (
    "The knee is the highest offered rate at which, and at every lower rate that was measured, every objective held "
    "while the offered rate was kept."
)


@dataclass(frozen=True, slots=True)
class Point:
    """A measured rate: offered requests per second, whether the rate was kept, and which objectives were missed."""

    offered: float
    valid: bool
    missed: tuple[str, ...]
    """A sentence for each objective that did not hold."""


@dataclass(frozen=True, slots=True)
class Knee:
    """Where the objectives stop to hold."""

    rate: float | None
    """Requests per second; None where already the lowest rate was too much."""
    beyond: Point | None
    """The next higher measured rate; None where none was measured."""

    def __str__(self) -> str:
        if self.rate is None:
            return f"Knee: below the lowest rate that was measured{self._why()}."
        return f"Knee: {_rounded(self.rate)} requests/s{self._why()}."

    def _why(self) -> str:
        if self.beyond is None:
            return ", the highest rate that was measured: it may lie above"
        at = f" at {_rounded(self.beyond.offered)} requests/s"
        if not self.beyond.valid:
            return f", or above:{at} it was the generator that could not keep the rate"
        return f";{at} {self.beyond.missed[0]}"


def find_knee(points: Sequence[Point]) -> Knee:
    """The knee of measured rates in any order.

    Raises:
        ValueError: there are none.
    """
    if not points:
        raise ValueError("A knee needs at least one measured rate.")
    rate = None
    for point in sorted(points, key=lambda each: each.offered):
        if not point.valid or point.missed:
            return Knee(rate, point)
        rate = point.offered
    return Knee(rate, None)


def _rounded(rate: float) -> str:
    return f"{rate:.3g}" if rate < 1000 else f"{rate:.0f}"
