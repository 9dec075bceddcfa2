"""The offered rate is kept whatever the service does, and latency counts from the moment a request was due."""

from pathlib import Path

import numpy as np
import pytest

from loadtest.results.summary import percentile
from tests.loadtest.locust_runs import SMALL, run_locust
from tests.loadtest.stub_service import stub_service

# The picture is asked once before the test begins.
ASKED_BEFORE = 1


def test_everyone_who_was_due_while_the_service_stood_still_has_waited(tmp_path: Path) -> None:
    with stub_service(stall_at=ASKED_BEFORE + 20, stall_s=1.5) as url:
        run = run_locust(url, tmp_path, "Classify", "--stages", "4x30", "--pictures", SMALL)
    table = run.table()
    assert run.summary()["valid"]
    # A caller who waits for each answer before the next question would have seen a single slow one.
    slow = table.where(table.latency_s > 0.5)
    assert len(slow) >= 10
    # They came as they were due, and all were answered at the end of the stall: who came later waited less.
    waited = slow.where(slow.late_s < 0.05)
    ends_s = waited.due_s + waited.latency_s
    assert np.ptp(waited.due_s) > 0.5
    assert np.ptp(ends_s) < 0.5
    assert np.corrcoef(waited.due_s, waited.latency_s)[0, 1] < -0.9
    assert run.code == 1, run.output
    assert "above the objective" in (tmp_path / "report.md").read_text()


def test_twice_as_much_as_the_service_can_do_is_offered_and_the_wait_grows(tmp_path: Path) -> None:
    with stub_service(takes_s=0.05) as url:
        run = run_locust(url, tmp_path, "Classify", "--stages", "4x40", "--pictures", SMALL)
    table = run.table()
    assert run.summary()["valid"]
    assert len(table) == pytest.approx(160, abs=50)
    assert len(table.of("ok")) == len(table)
    first, last = table.latency_s[: len(table) // 4], table.latency_s[-len(table) // 4 :]
    assert percentile(last, 50) > percentile(first, 50) + 0.5
    assert run.summary()["stages"][0]["goodput"] < 25


def test_a_run_whose_offered_rate_was_not_kept_is_invalid(tmp_path: Path) -> None:
    blocked = Path(__file__).with_name("blocked_generator.py")
    with stub_service() as url:
        run = run_locust(url, tmp_path, "Classify", "--stages", "4x30", "--pictures", SMALL, locustfile=blocked)
    assert run.code == 3, run.output
    assert not run.summary()["valid"]
    assert run.summary()["stages"][0]["on_time_share"] < 0.95
    assert "The run is invalid" in (tmp_path / "report.md").read_text()


def test_answers_are_read_and_refusals_told_from_failures(tmp_path: Path) -> None:
    with stub_service(wrong_from=ASKED_BEFORE + 20, refuse_from=ASKED_BEFORE + 40) as url:
        run = run_locust(url, tmp_path, "Classify", "--stages", "3x30", "--pictures", SMALL)
    table = run.table()
    assert len(table.of("ok")) == 19
    assert len(table.of("wrong")) == 20
    assert len(table.of("refused")) == len(table) - 39
    assert run.code == 1
    assert "wrong: label other instead of stub" in run.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("Segment",), "There is nothing left to ask"),
        (("Classify", "--model", "another"), "another is not ready to classify; there is stub."),
        (("Classify", "--pictures", "/nowhere"), "/nowhere holds no pictures."),
        (("Classify", "--objectives", "/nowhere.toml"), "/nowhere.toml cannot be read"),
        (("Classify", "--stages", "4x0"), "'4x0' is no stage"),
    ],
)
def test_a_test_that_cannot_work_ends_with_a_sentence(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    with stub_service() as url:
        run = run_locust(url, tmp_path, "--stages", "2x10", *arguments)
    assert run.code == 2
    assert sentence in run.output
    assert "Traceback" not in run.output
    assert not (tmp_path / "requests.csv").exists()
