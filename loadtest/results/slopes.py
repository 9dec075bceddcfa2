"""Whether something grows: the slope of a straight line through a series, and how sure it is."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEAST_POINTS = 8
_NORMAL_975 = 1.959964
# Below these a correlation cannot be told from a slope, and the interval would grow without bound.
_MOST_CORRELATION = 0.95
_LEAST_INDEPENDENT = 3.5


@dataclass(frozen=True, slots=True)
class Slope:
    """Units per hour, with a 95 % confidence interval."""

    per_hour: float
    low: float
    high: float

    @property
    def margin(self) -> float:
        """Half the interval: the smallest slope that would have been told from none."""
        return (self.high - self.low) / 2

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def slope_of(at_s: NDArray[np.float64], values: NDArray[np.float64]) -> Slope:
    """The least-squares slope of (N,) values at (N,) moments in seconds, evenly spaced but for a few gaps.

    Neighbours in a series of memory or latency resemble each other, which makes the textbook interval too narrow. Here
    the residuals' correlation with their neighbours says how many independent values they are worth (Santer et al.
    2000, "Statistical significance of trends", section 4), and that number stands in the place of N.

    Raises:
        ValueError: there are fewer than eight values.
    """
    count = len(values)
    if count < _LEAST_POINTS:
        raise ValueError(f"A slope needs at least {_LEAST_POINTS} values; there are {count}.")
    hours = (at_s - at_s.mean()) / 3600
    spread = float(hours @ hours)
    slope = float(hours @ values) / spread
    residuals = values - values.mean() - slope * hours
    squares = float(residuals @ residuals)
    independent = _independent(residuals, squares)
    error = math.sqrt(squares / (independent - 2) / spread)
    margin = _student_975(independent - 2) * error
    return Slope(slope, slope - margin, slope + margin)


def _independent(residuals: NDArray[np.float64], squares: float) -> float:
    count = len(residuals)
    if not squares:
        return float(count)
    correlation = float(residuals[1:] @ residuals[:-1]) / squares
    # Short series show less of it than there is.
    correlation += (1 + 4 * correlation) / count
    correlation = min(max(correlation, 0.0), _MOST_CORRELATION)
    return max(count * (1 - correlation) / (1 + correlation), _LEAST_INDEPENDENT)


def _student_975(freedom: float) -> float:
    """The 97.5 % quantile of Student's t (Abramowitz and Stegun, 26.7.5, two terms)."""
    z = _NORMAL_975
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
