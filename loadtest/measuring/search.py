"""The search for the knee: which rates are measured, how often, and what decides about each."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from loadtest.measuring.steps import Step
from loadtest.results.knee import Knee, Point, find_knee

Measure = Callable[[float, int], Step]
"""Offers a rate; the number says for which time, from 1."""

# One stall of a machine that others use too decides nothing: a rate is missed where two of three steps say so.
_DECIDES = 2
_MOST_INVALID = 3
# Between the last rate that was carried and the first that was not.
_REFINED = 5
_LEAST_RATE = 0.5


@dataclass(frozen=True, slots=True)
class Tried:
    """A rate, and the steps that were measured at it."""

    rate: float
    steps: list[Step]

    @property
    def valid(self) -> bool:
        """Whether the generator kept the rate at least once."""
        return any(step.summary.valid for step in self.steps)

    @property
    def missed(self) -> bool:
        """Whether most of the valid steps missed an objective."""
        votes = [bool(step.missed) for step in self.steps if step.summary.valid]
        return sum(votes) * 2 > len(votes)

    @property
    def carried(self) -> bool:
        """Whether the rate was kept and the objectives held."""
        return self.valid and not self.missed

    @property
    def step(self) -> Step:
        """The first step that says what all of them came to."""
        valid = [step for step in self.steps if step.summary.valid]
        return next((step for step in valid if bool(step.missed) == self.missed), self.steps[-1])

    @property
    def point(self) -> Point:
        """As the knee finder sees it."""
        return Point(self.rate, self.valid, self.step.missed if self.missed else ())


def try_rate(measure: Measure, rate: float, *, once: bool = False) -> Tried:
    """Measure a rate until it is decided.

    A step that holds the objectives is enough. One that misses them is repeated, and two of three decide. An invalid
    one is repeated twice at most. With `once`, the first valid step decides.
    """
    tried = Tried(rate, [])
    while True:
        tried.steps.append(measure(rate, len(tried.steps) + 1))
        votes = [bool(step.missed) for step in tried.steps if step.summary.valid]
        decided = bool(votes) and (once or not any(votes) or max(votes.count(True), votes.count(False)) == _DECIDES)
        if decided or len(tried.steps) - len(votes) == _MOST_INVALID:
            return tried


def try_rates(measure: Measure, rates: Iterable[float]) -> Iterator[Tried]:
    """Measure rates upwards; beyond the first that is not carried nothing hangs on a single step."""
    once = False
    for rate in sorted(set(rates)):
        tried = try_rate(measure, rate, once=once)
        yield tried
        once = once or not tried.carried


def search(measure: Measure, *, lowest: float, highest: float) -> Iterator[Tried]:
    """Double the rate until it is not carried, or halve it until it is; then rates in between, and one far beyond.

    Args:
        measure: Offers a rate.
        lowest: The first rate, requests per second.
        highest: The last rate of the doubling.

    Yields:
        What was tried, in order.
    """
    low: float | None = None
    high: Tried | None = None
    rate = lowest
    while low is None or high is None:
        tried = try_rate(measure, rate)
        yield tried
        if tried.carried:
            low = rate
            if high is None and rate >= highest:
                return
        else:
            high = tried
            if low is None and rate / 2 < _LEAST_RATE:
                break
        rate = min(2 * rate, highest) if high is None else rate / 2
    if low is None:
        return
    parts = [part / (_REFINED + 1) for part in range(1, _REFINED + 1)]
    yield from try_rates(measure, [low + (high.rate - low) * part for part in parts])
    # Where the rate was halved, the one above was measured already.
    if high.valid and high.rate >= lowest:
        yield try_rate(measure, 2 * high.rate, once=True)


def knee_of(tried: Iterable[Tried]) -> Knee:
    """The knee of what was tried."""
    return find_knee([each.point for each in tried])
