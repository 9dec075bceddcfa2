"""The knee of made-up curves, the search for it on made-up services, and the page about it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from loadtest.measuring.page import step_table, write_page
from loadtest.measuring.search import Tried, knee_of, search, try_rate, try_rates
from loadtest.measuring.steps import Step, step_seconds
from loadtest.results.knee import Point, find_knee
from loadtest.results.objectives import Objective, Verdict, judge, read_objectives
from loadtest.results.rows import Rows
from loadtest.results.summary import summary_of
from tests.loadtest.tables import table_of

LIMIT = Objective("classify", 99.0, 250.0)


def point(rate: float, *, missed: str = "", valid: bool = True) -> Point:
    return Point(rate, valid, (missed,) if missed else ())


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
    assert str(find_knee([point(10, valid=False)])) == (
        "Knee: unknown; at 10 requests/s the generator could not keep the rate."
    )
    assert find_knee([point(10, missed="slow")]).rate is None
    sentence = "Knee: below the lowest rate that was measured; at 10 requests/s slow."
    assert str(find_knee([point(10, missed="slow")])) == sentence


def measured(rate: float, latency_s: float, *, offered: float | None = None) -> Step:
    """Ten seconds in which every answer took the same time."""
    requests = round(10 * (offered or rate))
    summary = summary_of(table_of([latency_s] * requests, every_s=10 / requests), 0.0, 10.0, rate=rate)
    verdict = Verdict(LIMIT, latency_s * 1000)
    return Step(rate, summary, [verdict], 0.5, 0.1, 170.0, {"queue": latency_s, "inference": 0.5})


def queue_of(capacity: float) -> Callable[[float, int], Step]:
    """A queue whose wait is 1 / (capacity - rate), up to a second."""

    def measure(rate: float, _: int) -> Step:
        return measured(rate, min(1.0, 1 / (capacity - rate)) if rate < capacity else 1.0)

    return measure


def rates(tried: list[Tried]) -> list[float]:
    return [each.rate for each in tried]


def test_the_search_doubles_then_looks_closer_then_far_beyond() -> None:
    tried = list(search(queue_of(100.0), lowest=8.0, highest=1000.0))
    assert rates(tried) == [8, 16, 32, 64, 128, *(64 + 64 * part / 6 for part in range(1, 6)), 256]
    assert knee_of(tried).rate == pytest.approx(96.0)  # a wait of exactly 250 ms


def test_the_search_ends_where_it_may_go_no_higher() -> None:
    assert rates(list(search(queue_of(1e9), lowest=8.0, highest=20.0))) == [8, 16, 20]


def test_the_search_goes_down_from_a_rate_that_is_too_much_already() -> None:
    tried = list(search(queue_of(9.0), lowest=64.0, highest=1000.0))
    assert rates(tried) == [64, 32, 16, 8, 4, *(4 + 4 * part / 6 for part in range(1, 6))]
    assert knee_of(tried).rate == pytest.approx(4 + 4 / 6)
    assert rates(list(search(queue_of(0.1), lowest=2.0, highest=1000.0))) == [2, 1, 0.5]


def in_turn(*latencies_s: float | None) -> Callable[[float, int], Step]:
    """A step per latency; None stands for one whose rate was not kept."""

    def measure(rate: float, attempt: int) -> Step:
        latency_s = latencies_s[attempt - 1]
        return measured(rate, 0.01, offered=rate / 2) if latency_s is None else measured(rate, latency_s)

    return measure


@pytest.mark.parametrize(
    ("latencies_s", "steps", "valid", "missed"),
    [
        ((0.01,), 1, True, False),
        ((0.5, 0.01, 0.01), 3, True, False),  # one stall decides nothing
        ((0.5, 0.5), 2, True, True),
        ((0.5, 0.01, 0.5), 3, True, True),
        ((None, 0.01), 2, True, False),  # nor does a generator that stalled
        ((None, None, None), 3, False, False),
        ((0.5, None, 0.5), 3, True, True),
    ],
)
def test_two_of_three_decide_and_invalid_steps_are_repeated(
    latencies_s: tuple[float | None, ...], steps: int, valid: bool, missed: bool
) -> None:
    tried = try_rate(in_turn(*latencies_s), 100.0)
    assert (len(tried.steps), tried.valid, tried.missed) == (steps, valid, missed)
    assert tried.point.missed == (("classify: p99 500.0 ms, above the objective of 250 ms",) if missed else ())
    assert (tried.step.judgement == "invalid") == (not valid)


def test_beyond_the_knee_one_step_is_enough_and_each_rate_comes_once() -> None:
    tried = list(try_rates(queue_of(50.0), [100, 20, 200, 20]))
    assert [(each.rate, len(each.steps)) for each in tried] == [(20, 1), (100, 2), (200, 1)]


def test_the_knee_is_the_rate_that_was_asked_for_and_not_what_chance_made_of_it() -> None:
    steps = [Tried(rate, [measured(rate, 0.01, offered=rate + by)]) for rate, by in ((30.0, 4.0), (32.0, -4.0))]
    assert str(knee_of(steps)).startswith("Knee: 32 requests/s")


def test_a_step_has_a_thousand_requests_where_time_allows() -> None:
    assert [step_seconds(rate) for rate in (2, 20, 1000)] == [120, 50, 20]


def freezing(generator: np.random.Generator, *, capacity: float, every_s: float) -> Callable[[float, int], Step]:
    """A single lane that stands still for 0.3 seconds now and then, under Poisson arrivals."""

    def measure(rate: float, _: int) -> Step:
        seconds = step_seconds(rate)
        due_s = np.sort(generator.uniform(0, seconds, generator.poisson(rate * seconds)))
        freezes_s = list(np.sort(generator.uniform(0, seconds, generator.poisson(seconds / every_s))))
        rows, free_s = Rows(), 0.0
        for due in due_s.tolist():
            begins_s = max(free_s, due)
            while freezes_s and freezes_s[0] <= begins_s:
                begins_s = max(begins_s, freezes_s.pop(0) + 0.3)
            free_s = begins_s + 1 / capacity
            rows.add("classify", "ok", due_s=due, late_s=0.0, latency_s=free_s - due)
        table = rows.table()
        return Step(rate, summary_of(table, 0.0, seconds, rate=rate), judge(read_objectives(), table), 0, 0, 0, {})

    return measure


def test_seldom_stalls_do_not_hide_the_knee() -> None:
    generator = np.random.default_rng(0)
    found = [
        knee_of(search(freezing(generator, capacity=200.0, every_s=30.0), lowest=16.0, highest=1024.0)).rate or 0.0
        for _ in range(6)
    ]
    assert min(found) > 100  # steps of twenty seconds, each decisive, found 0 in a tenth of the searches


def test_the_page_has_the_knee_the_plots_and_the_tables(tmp_path: Path) -> None:
    tried = list(search(queue_of(100.0), lowest=8.0, highest=1000.0))
    steps = [step for each in tried for step in each.steps]
    page = write_page(tried, [LIMIT], tmp_path, title="A <made-up> queue", setting={"machine": "none & nothing"})
    text = page.read_text()
    assert "A &lt;made-up&gt; queue" in text
    assert "machine: none &amp; nothing" in text
    assert str(knee_of(tried)) in text
    assert "classify: p99 250 ms" in text
    assert text.count("<tr>") == len(steps) + 1 == step_table(steps).count("\n")
    assert step_table(steps) in (tmp_path / "report.md").read_text()
    assert len((tmp_path / "steps.csv").read_text().splitlines()) == len(steps) + 1
    assert json.loads((tmp_path / "result.json").read_text())["knee"] == pytest.approx(96.0)
    with Image.open(tmp_path / "load.png") as picture:
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 50


def test_a_service_that_answers_nothing_has_a_page_too(tmp_path: Path) -> None:
    failed = table_of([0.01] * 200, every_s=0.05, outcome="error")
    summary = summary_of(failed, 0.0, 10.0, rate=20.0)
    step = Step(20.0, summary, judge(read_objectives(), failed), 0.5, 0.1, 170.0, {})
    page = write_page([Tried(20.0, [step])], read_objectives(), tmp_path, title="Broken", setting={})
    assert "Knee: below the lowest rate that was measured; at 20 requests/s" in page.read_text()
    with Image.open(tmp_path / "load.png") as picture:
        assert picture.size == (1540, 880)


def test_endpoints_have_a_table_of_their_own_where_there_are_several(tmp_path: Path) -> None:
    rows = Rows()
    for number in range(100):
        endpoint, latency_s = ("cam", 0.2) if number % 5 == 0 else ("classify", 0.01)
        rows.add(endpoint, "ok", due_s=number / 10, late_s=0.0, latency_s=latency_s)
    summary = summary_of(rows.table(), 0.0, 10.0, rate=10.0)
    step = Step(10.0, summary, [Verdict(LIMIT, 10.0)], 0.5, 0.1, 170.0, {})
    write_page([Tried(10.0, [step])], [LIMIT], tmp_path, title="Mixed", setting={})
    assert "| 10 | cam | 20 | 200.0 |" in (tmp_path / "report.md").read_text()
    assert "| 10 | classify | 80 | 10.0 |" in (tmp_path / "report.md").read_text()
