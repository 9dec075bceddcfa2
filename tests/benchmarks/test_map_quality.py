import numpy as np
import pytest

from benchmarks.map_quality import energy_inside


@pytest.mark.parametrize(
    ("heat", "expected"),
    [
        ([[1, 1], [1, 1]], 0.25),
        ([[3, 0], [0, 0]], 1),
        ([[0, 3], [0, 0]], 0),
        # What is negative speaks against the class, and weighs nothing.
        ([[1, 1], [-5, -5]], 0.5),
        ([[-1, -1], [-1, -1]], 0),
    ],
)
def test_energy_is_the_share_of_the_positive_part(heat: list[list[float]], expected: float) -> None:
    inside = np.array([[True, False], [False, False]])
    assert energy_inside(np.array(heat, np.float32), inside) == pytest.approx(expected)
