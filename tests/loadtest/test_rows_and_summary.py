"""Rows survive the way to another process and to a file; summaries of them are exact."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from loadtest.results.rows import Rows, outcome_of, read_csv
from loadtest.results.summary import answers_in, percentile, summary_of
from loadtest.results.tables import number, write_figures
from loadtest.results.timeline import Timeline, timeline_of
from tests.loadtest.tables import joined, table_of


def test_percentiles_are_values_that_were_measured_and_are_not_rounded() -> None:
    values = np.random.default_rng(0).permutation(np.arange(1, 1001) + 0.123)
    assert [percentile(values, percent) for percent in (50, 95, 99, 99.9, 100)] == [
        500.123,
        950.123,
        990.123,
        999.123,
        1000.123,
    ]
    assert percentile(np.array([3.0, 1.0, 2.0]), 50) == 2.0
    assert percentile(np.array([3.0, 1.0, 2.0]), 1) == 1.0
    assert percentile(np.array([0.147]), 99) == 0.147
    assert math.isnan(percentile(np.array([]), 50))


def test_rows_come_back_from_bytes_and_from_a_file(tmp_path: Path) -> None:
    rows = Rows()
    rows.add("classify", "ok", due_s=1700000000.25, late_s=0.001, latency_s=0.0625)
    rows.add("cam", "refused", due_s=1700000000.0, late_s=0.0, latency_s=0.5)
    taken = rows.take()
    assert len(rows) == 0
    received = Rows()
    received.extend(taken)
    received.table().write_csv(tmp_path / "rows.csv")
    back = read_csv(tmp_path / "rows.csv")
    assert back.due_s.tolist() == [1700000000.0, 1700000000.25]
    assert back.latency_s.tolist() == [0.5, 0.0625]
    assert back.endpoints() == ["classify", "cam"]
    assert len(back.asked("cam").of("refused")) == 1


@pytest.mark.parametrize(
    ("status", "problem", "code", "outcome"),
    [
        (200, None, None, "ok"),
        (200, "no PNG", None, "wrong"),
        (503, None, "overloaded", "refused"),
        (429, None, None, "refused"),
        (503, None, "not_ready", "error"),
        (503, None, None, "error"),  # of a load balancer that knows of no replica
        (504, None, "deadline_exceeded", "late"),
        (500, None, None, "error"),
        (400, None, None, "error"),
        (0, "ConnectionResetError", None, "broken"),
    ],
)
def test_every_answer_has_one_outcome(status: int, problem: str | None, code: str | None, outcome: str) -> None:
    assert outcome_of(status, problem, code=code) == outcome


def test_goodput_counts_right_answers_that_arrive_in_time_and_shares_count_what_was_due() -> None:
    table = joined(
        table_of([0.05] * 80),
        table_of([20.0] * 5, start_s=8.0),
        table_of([0.002] * 10, start_s=8.5, outcome="refused"),
        table_of([15.0] * 5, start_s=9.5, outcome="broken"),
    )
    summary = summary_of(table, 0.0, 10.0, rate=10.0)
    answers = summary.answers
    assert (answers.requests, summary.offered, summary.goodput) == (100, 10.0, 8.0)
    assert (answers.share("ok"), answers.share("refused"), answers.failed) == (0.85, 0.1, 5)
    assert (answers.p50_ms, answers.p99_ms) == (50.0, 20000.0)
    assert answers.refused_p99_ms == pytest.approx(2.0)
    assert summary.valid


def test_everything_that_was_taken_on_counts_for_the_deadline() -> None:
    taken_on = joined(
        table_of([5.0] * 100), table_of([10.0] * 60, outcome="late"), table_of([15.0] * 40, outcome="broken")
    )
    aside = joined(table_of([0.01] * 70, outcome="refused"), table_of([0.0] * 9, outcome="unsent"))
    assert answers_in(joined(taken_on, aside)).in_time_share == 0.5
    assert math.isnan(answers_in(aside).in_time_share)


@pytest.mark.parametrize(
    ("offered", "problem"),
    [
        (100, None),
        (85, None),  # three standard deviations of a Poisson process and a twentieth
        (50, "5 requests/s were due instead of 10"),
        (20, "2 requests/s were due instead of 10"),
        (150, "15 requests/s were due instead of 10"),
        (0, "0 requests/s were due instead of 10"),
    ],
)
def test_another_rate_than_the_one_that_was_asked_for_is_invalid(offered: int, problem: str | None) -> None:
    table = table_of([0.01] * offered, every_s=10 / max(1, offered))
    summary = summary_of(table, 0.0, 10.0, rate=10.0)
    assert summary.problems == ([] if problem is None else [problem])
    assert summary.valid == (problem is None)


@pytest.mark.parametrize(
    ("requests", "late", "valid"),
    [(10000, 10, True), (10000, 11, False), (400, 1, True), (400, 2, False), (50, 0, True), (50, 1, False)],
)
def test_what_p99_does_not_see_may_be_sent_late(requests: int, late: int, valid: bool) -> None:
    prompt = table_of([0.1] * (requests - late), every_s=0.001, late_s=0.04)
    tardy = table_of([0.2] * late, every_s=0.001, late_s=0.06)
    summary = summary_of(joined(prompt, tardy), 0.0, 10.0, rate=requests / 10)
    assert summary.valid == valid
    assert summary.on_time_share == pytest.approx(1 - late / requests)
    assert valid or f"{late} of {requests} requests were sent more than 50 ms late" in summary.problems
    assert not summary_of(joined(prompt, tardy), 0.0, 10.0, rate=requests / 10, on_time_s=0.03).valid


def test_a_generator_that_stood_still_for_a_moment_proves_nothing() -> None:
    quick = table_of([0.01] * 764, every_s=19.1 / 764)
    waited_s = np.linspace(0.9, 0.0, 36)
    stalled = joined(*(table_of([s + 0.01], start_s=20 - s, late_s=s) for s in waited_s.tolist()))
    summary = summary_of(joined(quick, stalled), 0.0, 20.01, rate=40.0)
    assert summary.answers.p99_ms > 500
    assert not summary.valid


def test_one_request_that_was_never_sent_makes_a_run_invalid() -> None:
    summary = summary_of(
        joined(table_of([0.1] * 999, every_s=0.01), table_of([0.0], outcome="unsent")), 0.0, 10.0, rate=100.0
    )
    assert summary.problems == ["1 of 1000 requests were never sent"]
    assert summary.answers.failed == 0


def test_what_was_not_measured_is_a_dash_and_null(tmp_path: Path) -> None:
    summary = summary_of(table_of([0.1] * 9, outcome="refused"), 0.0, 10.0, rate=1.0)
    write_figures(summary.figures() | {"bound": math.inf}, tmp_path / "figures.json")
    figures = json.loads((tmp_path / "figures.json").read_text(), parse_constant=pytest.fail)
    assert (figures["p99_ms"], figures["bound"], figures["refused_p99_ms"]) == (None, None, 100.0)
    assert number(math.nan, ".1f") == "-"
    assert number(0.25, ".1f") == "0.2"


def test_a_timeline_has_each_request_once_in_the_second_in_which_it_was_due() -> None:
    table = joined(
        table_of([0.1, 0.1, 11.0], every_s=0.5, start_s=100.0),  # 100.0, 100.5, 101.0: the last one after the deadline
        table_of([0.01], start_s=101.9, outcome="refused"),
        table_of([15.0, 0.2, 0.3], every_s=0.1, start_s=102.0, outcome="broken"),
        table_of([0.0], start_s=102.5, outcome="unsent"),
        table_of([0.1], start_s=103.5),  # in a second of which the end is not there any more
    )
    found = timeline_of(table, 99.6, 103.7, zero_s=102.0)
    assert found == Timeline(-2, in_time=[2, 0, 0], refused=[0, 1, 0], lost=[0, 1, 3], unsent=[0, 0, 1])


def test_a_run_without_a_whole_second_has_an_empty_timeline() -> None:
    assert timeline_of(table_of([0.1]), 0.2, 0.9, zero_s=0.0).in_time == []
