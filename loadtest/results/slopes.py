"""Whether something grows: the slope of a straight line through a series, and how sure it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_RESAMPLES = 2000
_LEAST_POINTS = 8


@dataclass(frozen=True, slots=True)
class Slope:
    """Units per hour, with a 95 % confidence interval."""

    per_hour: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def slope_of(at_s: NDArray[np.float64], values: NDArray[np.float64]) -> Slope:
    """The least-squares slope of (N,) values at (N,) moments in seconds.

    Neighbours in a series of memory or latency resemble each other, which makes the textbook interval too narrow: here
    residuals are resampled in blocks (Künsch 1989, the moving-block bootstrap, with blocks of the cube root of N).

    Raises:
        ValueError: there are fewer than eight values.
    """
    count = len(values)
    if count < _LEAST_POINTS:
        raise ValueError(f"A slope needs at least {_LEAST_POINTS} values; there are {count}.")
    hours = (at_s - at_s.mean()) / 3600
    weights = hours / (hours @ hours)
    slope = float(weights @ values)
    residuals = values - values.mean() - slope * hours
    block = max(1, round(count ** (1 / 3)))
    blocks = -(-count // block)
    starts = np.random.default_rng(0).integers(0, count - block + 1, (_RESAMPLES, blocks))
    index = (starts[:, :, None] + np.arange(block)).reshape(_RESAMPLES, -1)[:, :count]
    resampled = residuals[index] - residuals[index].mean(axis=1, keepdims=True)
    low, high = np.percentile(resampled @ weights, (2.5, 97.5))
    return Slope(slope, slope + float(low), slope + float(high))
