"""The knee of made-up curves, and the search for it on a made-up service."""

from pathlib import Path

import pytest
from PIL import Image

from loadtest.measuring.page import step_table, write_page
from loadtest.measuring.steps import Step, knee_of, search
from loadtest.results.knee import Point, find_knee
from loadtest.results.objectives import Objective, Verdict
from loadtest.results.summary import summary_of
from tests.loadtest.tables import table_of

LIMIT = Objective("classify", 99.0, 250.0)


def point(offered: float, *, missed: str = "", valid: bool = True) -> Point:
    return Point(offered, valid, (missed,) if missed else ())


def test_the_knee_is_the_last_rate_before_the_first_miss() -> None:
    points = [point(10), point(40, missed="p99 300 ms"), point(20), point(30)]
    knee = find_knee(points)
    assert knee.rate == 30
    assert str(knee) == "Knee: 30 requests/s; at 40 requests/s p99 300 ms."


def test_a_rate_that_held_by_luck_beyond_a_miss_is_not_the_knee() -> None:
    assert find_knee([point(10), point(20, missed="slow"), point(30)]).rate == 10


def test_a_knee_that_was_not_reached_is_not_claimed() -> None:
    assert str(find_knee([point(10), point(20)])).endswith("the highest rate that was measured: it may lie above.")
    knee = find_knee([point(10), point(20, valid=False), point(30, missed="slow")])
    assert knee.rate == 10
    assert "it was the generator that could not keep the rate" in str(knee)
    assert find_knee([point(10, missed="slow")]).rate is None
    sentence = "Knee: below the lowest rate that was measured; at 10 requests/s slow."
    assert str(find_knee([point(10, missed="slow")])) == sentence


def measured(rate: float, capacity: float) -> Step:
    """A queue whose wait is 1 / (capacity - rate), up to a second."""
    latency_s = min(1.0, 1 / (capacity - rate)) if rate < capacity else 1.0
    summary = summary_of(table_of([latency_s] * round(10 * rate), every_s=1 / rate), 0.0, 10.0, deadline_s=10.0)
    verdict = Verdict(LIMIT, latency_s * 1000)
    return Step(rate, summary, [verdict], rate / capacity, 0.1, 170.0, {"queue": latency_s, "inference": 0.5})


def test_the_search_doubles_then_looks_closer_then_far_beyond() -> None:
    steps = list(search(lambda rate: measured(rate, 100.0), lowest=8.0, highest=1000.0))
    assert [step.rate for step in steps] == [8, 16, 32, 64, 128, *(64 + 64 * part / 6 for part in range(1, 6)), 256]
    assert knee_of(steps).rate == pytest.approx(96.0)  # a wait of exactly 250 ms


def test_the_search_ends_where_it_may_go_no_higher() -> None:
    assert [step.rate for step in search(lambda rate: measured(rate, 1e9), lowest=8.0, highest=20.0)] == [8, 16, 20]


def test_the_page_has_the_knee_the_plots_and_the_table(tmp_path: Path) -> None:
    steps = list(search(lambda rate: measured(rate, 100.0), lowest=8.0, highest=1000.0))
    page = write_page(steps, knee_of(steps), [LIMIT], tmp_path, title="A <made-up> queue", setting="One lane.")
    text = page.read_text()
    assert "A &lt;made-up&gt; queue" in text
    assert str(knee_of(steps)) in text
    assert "classify: p99 250 ms" in text
    assert text.count("<tr>") == len(steps) + 1 == step_table(steps).count("\n")
    assert len((tmp_path / "steps.csv").read_text().splitlines()) == len(steps) + 1
    with Image.open(tmp_path / "load.png") as picture:
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 50
