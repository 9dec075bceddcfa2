"""The knee: how much load a service carries before it misses its objectives."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.results.tables import rounded

DEFINITION = (
    "The knee is the highest offered rate at which, and at every lower rate that was measured, every objective held "
    "while the offered rate was kept."
)


@dataclass(frozen=True, slots=True)
class Point:
    """A measured rate in requests per second, whether it was kept, and which objectives were missed."""

    rate: float
    valid: bool
    missed: tuple[str, ...]
    """A sentence for each objective that did not hold."""


@dataclass(frozen=True, slots=True)
class Knee:
    """Where the objectives stop to hold."""

    rate: float | None
    """Requests per second; None where already the lowest rate was too much, for the service or the generator."""
    beyond: Point | None
    """The next higher measured rate; None where none was measured."""

    def __str__(self) -> str:
        if self.rate is None and self.beyond is not None and not self.beyond.valid:
            return f"Knee: unknown; at {rounded(self.beyond.rate)} requests/s the generator could not keep the rate."
        if self.rate is None:
            return f"Knee: below the lowest rate that was measured{self._why()}."
        return f"Knee: {rounded(self.rate)} requests/s{self._why()}."

    def _why(self) -> str:
        if self.beyond is None:
            return ", the highest rate that was measured: it may lie above"
        at = f" at {rounded(self.beyond.rate)} requests/s"
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
    for point in sorted(points, key=lambda each: each.rate):
        if not point.valid or point.missed:
            return Knee(rate, point)
        rate = point.rate
    return Knee(rate, None)
