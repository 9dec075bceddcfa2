"""Slopes with their uncertainty, and how long a service takes to recover."""

import numpy as np
import pytest
from numpy.typing import NDArray

from loadtest.measuring.overload import recovery_s
from loadtest.measuring.soak import trend_of
from loadtest.measuring.usage import mean_stage_ms
from loadtest.results.objectives import read_objectives
from loadtest.results.rows import Rows
from loadtest.results.slopes import slope_of
from loadtest.traffic.stages import RanStage, Stage
from tests.loadtest.tables import joined, table_of

HALF_AN_HOUR_S = np.linspace(0, 1800, 60)


def wandering(seed: int) -> NDArray[np.float64]:
    """Noise in which neighbours resemble each other: a correlation of 0.7."""
    noise = np.random.default_rng(seed).normal(size=160)
    return np.convolve(noise, 0.7 ** np.arange(60.0))[100:160]


def test_a_leak_is_found_and_its_size_is_in_the_interval() -> None:
    slope = slope_of(HALF_AN_HOUR_S, 170 + 12 * HALF_AN_HOUR_S / 3600 + wandering(0) / 4)
    assert slope.clear
    assert slope.low < 12 < slope.high
    assert slope.per_hour == pytest.approx(12, abs=3)


def test_noise_is_seldom_taken_for_a_leak_although_neighbours_resemble_each_other() -> None:
    taken_for_leaks = sum(slope_of(HALF_AN_HOUR_S, 170 + wandering(seed)).clear for seed in range(300))
    assert taken_for_leaks / 300 < 0.08  # 0.05 with endless series; the textbook's interval takes nearly half


def test_a_straight_line_is_certain() -> None:
    slope = slope_of(HALF_AN_HOUR_S, np.full(60, 170.0))
    assert not slope.clear
    assert (slope.low, slope.per_hour, slope.high) == pytest.approx((0, 0, 0), abs=1e-9)


def test_the_smallest_slope_that_would_have_been_seen_is_half_the_interval() -> None:
    slope = slope_of(HALF_AN_HOUR_S, 170 + wandering(0) / 4)
    assert slope.margin == pytest.approx((slope.high - slope.low) / 2)
    steep = slope_of(HALF_AN_HOUR_S, 170 + wandering(0) / 4 + 2 * slope.margin * HALF_AN_HOUR_S / 3600)
    assert steep.clear


@pytest.mark.parametrize(("leak_mib_per_hour", "grows"), [(0.0, False), (20.0, True)])
def test_a_leak_is_told_from_what_settles(leak_mib_per_hour: float, grows: bool) -> None:
    at_s = np.linspace(600, 1800, 60)
    settling = 10 * (1 - np.exp(-at_s / 200))
    noise = np.random.default_rng(1).normal(size=60) * 0.05
    trend = trend_of(at_s, 170 + settling + leak_mib_per_hour * at_s / 3600 + noise)
    assert trend.grows == grows
    assert trend.growth == pytest.approx(leak_mib_per_hour * 300 / 3600, abs=0.3)


def test_a_sure_slope_that_is_slight_is_no_growth() -> None:
    trend = trend_of(HALF_AN_HOUR_S, 170 + 0.9 * HALF_AN_HOUR_S / 3600)
    assert trend.slope.clear
    assert not trend.grows


def test_a_slope_needs_values() -> None:
    with pytest.raises(ValueError, match="at least 8 values"):
        slope_of(np.arange(5.0), np.arange(5.0))


BACK = RanStage(Stage(20, 10), 0.0, 20.0, 0.1)


def test_recovery_is_the_first_of_three_calm_seconds() -> None:
    slow, quick = table_of([2.0] * 20), table_of([0.01] * 180, start_s=2.0)
    objectives = read_objectives()
    assert recovery_s(joined(slow, quick), BACK, objectives) == 2.0
    blip = table_of([2.0], start_s=3.05)
    assert recovery_s(joined(slow, quick, blip), BACK, objectives) == 4.0
    assert recovery_s(table_of([2.0] * 200), BACK, objectives) is None
    assert recovery_s(table_of([0.01] * 200), BACK, objectives) == 0.0


def test_a_second_in_which_nothing_was_due_says_nothing_about_recovery() -> None:
    for seed in range(20):
        generator = np.random.default_rng(seed)
        rows = Rows()
        for due_s in np.sort(generator.uniform(0, 20, 30)).tolist():
            rows.add("classify", "ok", due_s=due_s, late_s=0.0, latency_s=0.02)
        found = recovery_s(rows.table(), BACK, read_objectives())
        assert found is not None
        assert found < 5


def test_time_per_stage_is_that_of_the_requests_in_between() -> None:
    before = {"queue": (1.0, 100.0), "encode": (0.5, 50.0)}
    after = {"queue": (2.0, 300.0), "encode": (0.5, 50.0), "decode": (0.4, 200.0)}
    assert mean_stage_ms(before, after) == pytest.approx({"queue": 5.0, "decode": 2.0})
