"""Rows survive the way to another process and to a file; summaries of them are exact."""

import math
from pathlib import Path

import numpy as np
import pytest

from loadtest.results.rows import Rows, outcome_of, read_csv
from loadtest.results.summary import percentile, summary_of
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
    ("status", "problem", "outcome"),
    [(200, None, "ok"), (200, "no PNG", "wrong"), (503, None, "refused"), (429, None, "refused"), (504, None, "late"),
     (500, None, "error"), (400, None, "error"), (0, "ConnectionResetError", "broken")],
)  # fmt: skip
def test_every_answer_has_one_outcome(status: int, problem: str | None, outcome: str) -> None:
    assert outcome_of(status, problem) == outcome


def test_goodput_counts_right_answers_that_arrive_in_time_and_shares_count_what_was_due() -> None:
    table = joined(
        table_of([0.05] * 80),
        table_of([20.0] * 5, start_s=8.0),
        table_of([0.002] * 10, start_s=8.5, outcome="refused"),
        table_of([15.0] * 5, start_s=9.5, outcome="broken"),
    )
    summary = summary_of(table, 0.0, 10.0, deadline_s=10.0)
    assert (summary.requests, summary.offered, summary.goodput) == (100, 10.0, 8.0)
    assert (summary.ok_share, summary.refused_share, summary.failed_share) == (0.85, 0.1, 0.05)
    assert (summary.p50_ms, summary.p99_ms) == (50.0, 20000.0)
    assert summary.refused_p99_ms == pytest.approx(2.0)
    assert summary.valid


def test_a_rate_was_kept_if_at_most_a_twentieth_was_sent_late_or_never() -> None:
    prompt = table_of([0.1] * 95)
    late = table_of([0.2] * 5, start_s=5.0, late_s=0.06)
    unsent = table_of([0.0], start_s=6.0, outcome="unsent")
    assert summary_of(joined(prompt, late), 0.0, 10.0, deadline_s=10.0).valid
    assert not summary_of(joined(prompt, late, unsent), 0.0, 10.0, deadline_s=10.0).valid


def test_a_stretch_without_requests_is_an_error() -> None:
    with pytest.raises(ValueError, match="No request was due"):
        summary_of(table_of([0.1]), 5.0, 6.0, deadline_s=10.0)
