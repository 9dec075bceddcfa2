"""The offered rate is kept whatever the service does, and latency counts from the moment a request was due."""

import signal
import time
from pathlib import Path

import numpy as np
import pytest

from loadtest.results.summary import percentile
from tests.loadtest.locust_runs import SMALL, Run, kept, locust_command, rest_of, run_locust, said, started_locust
from tests.loadtest.stub_service import stub_service

# The picture is asked once before the test begins.
ASKED_BEFORE = 1


def test_everyone_who_was_due_while_the_service_stood_still_has_waited(tmp_path: Path) -> None:
    with stub_service(stall_at=ASKED_BEFORE + 20, stall_s=1.5) as url:
        run = run_locust(url, tmp_path, "Classify", "--stages", "4x30", "--pictures", SMALL)
    table = run.table()
    # A caller who waits for each answer before the next question would have seen a single slow one.
    slow = table.where(table.latency_s > 0.5)
    assert len(slow) >= 10
    # They came as they were due, and all were answered at the end of the stall: who came later waited less.
    waited = slow.where(slow.late_s < 0.05)
    ends_s = waited.due_s + waited.latency_s
    assert np.ptp(waited.due_s) > 0.5
    assert np.ptp(ends_s) < 0.5
    assert np.corrcoef(waited.due_s, waited.latency_s)[0, 1] < -0.9
    assert run.code in (1, 3), run.output  # on a machine that is busy with other tests, the schedule may not hold
    assert "above the objective" in (tmp_path / "report.md").read_text()


def test_twice_as_much_as_the_service_can_do_is_offered_and_the_wait_grows(tmp_path: Path) -> None:
    with stub_service(takes_s=0.05) as url:
        run = run_locust(url, tmp_path, "Classify", "--stages", "4x40", "--pictures", SMALL)
    table = run.table()
    assert kept(run.summary()["stages"][0], 40)
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
    assert "requests were sent more than 40 ms late" in (tmp_path / "report.md").read_text()


def test_the_garbage_collector_does_not_make_requests_late(tmp_path: Path) -> None:
    hoarding = Path(__file__).with_name("hoarding_generator.py")
    with stub_service() as url:
        run = run_locust(url, tmp_path, "Classify", "--stages", "2x20", "--pictures", SMALL, locustfile=hoarding)
    assert "\n0 full collections\n" in run.output


def test_a_rate_below_that_of_one_stream_is_kept(tmp_path: Path) -> None:
    with stub_service() as url:
        run = run_locust(url, tmp_path, "Classify", "--stages", "2x20,4x0.5", "--stream-rate", 5, "--pictures", SMALL)
    fast, slow = run.summary()["stages"]
    assert kept(fast, 20)
    # A single stream of five per second would have come up with twenty; two are meant.
    assert slow["requests"] <= 9


def test_the_clock_begins_when_every_question_has_been_asked_once(tmp_path: Path) -> None:
    with stub_service(takes_s=0.4) as url:  # there are six pictures
        run = run_locust(url, tmp_path, "Classify", "--stages", "4x2", "--stream-rate", 0.2)
    (stage,) = run.summary()["stages"]
    first_s = run.table().due_s.min() - stage["start_s"]
    assert first_s < 2.0
    assert stage["end_s"] - stage["start_s"] == pytest.approx(4, abs=1.5)
    assert stage["requests"] >= 2


def test_answers_are_read_and_refusals_told_from_failures(tmp_path: Path) -> None:
    with stub_service(wrong_from=ASKED_BEFORE + 20, refuse_from=ASKED_BEFORE + 40) as url:
        run = run_locust(url, tmp_path, "Classify", "--stages", "3x30", "--pictures", SMALL)
    table = run.table()
    assert len(table.of("ok")) == 19
    assert len(table.of("wrong")) == 20
    assert len(table.of("refused")) == len(table) - 39
    assert run.code in (1, 3)
    assert "wrong: label other instead of stub" in run.output


def test_an_answer_that_nobody_can_read_is_wrong_and_counts(tmp_path: Path) -> None:
    with stub_service(odd_from=ASKED_BEFORE + 11) as url:
        run = run_locust(url, tmp_path, "Classify", "--stages", "2x20", "--pictures", SMALL)
    table = run.table()
    assert (len(table.of("ok")), len(table.of("wrong"))) == (10, len(table) - 10)
    assert "an answer that cannot be read (RecursionError)" in run.output
    assert "Traceback" not in run.output


def test_a_request_that_is_lost_makes_the_run_invalid(tmp_path: Path) -> None:
    losing = Path(__file__).with_name("losing_generator.py")
    with stub_service() as url:
        run = run_locust(url, tmp_path, "Classify", "--stages", "3x30", "--pictures", SMALL, locustfile=losing)
    assert run.code == 3, run.output
    assert "requests came to no end" in (tmp_path / "report.md").read_text()


def assert_generator_is_to_blame(run: Run) -> None:
    assert run.code == 3, run.output
    assert len(run.table().of("unsent")) > 0
    assert "requests were never sent" in (run.folder / "report.md").read_text()


def test_sockets_that_cannot_be_had_are_no_failures_of_the_service(tmp_path: Path) -> None:
    starved = Path(__file__).with_name("starved_generator.py")
    with stub_service(takes_s=0.1) as url:
        run = run_locust(url, tmp_path, "Classify", "--stages", "3x40", "--pictures", SMALL, locustfile=starved)
    assert_generator_is_to_blame(run)
    assert len(run.table().of("broken")) == 0


def test_no_more_requests_are_under_way_than_there_are_descriptors(tmp_path: Path) -> None:
    with stub_service(takes_s=0.05) as url:
        run = run_locust(url, tmp_path, "Classify", "--stages", "3x60", "--pictures", SMALL, descriptors=60)
    assert_generator_is_to_blame(run)
    assert len(run.table().of("broken")) == 0


def test_a_run_that_is_ended_from_outside_reports_what_there_was(tmp_path: Path) -> None:
    arguments = ("Classify", "--stages", "2x20,60x10", "--pictures", SMALL, "--report", tmp_path)
    with stub_service() as url, started_locust(locust_command("--host", url, *arguments)) as locust:
        for _ in range(2):
            said(locust, "Shape test updating")
        time.sleep(1.5)
        locust.send_signal(signal.SIGTERM)
        output = rest_of(locust)
    run = Run(locust.returncode, output, tmp_path)
    assert run.code in (2, 3), output
    assert run.summary()["cut_off"]
    assert [each["seconds"] for each in run.summary()["stages"]] == [2, 60]
    assert len(run.table().of("ok")) > 20
    assert "The run was cut off" in output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("Classify", "Segment"), "No model can segment here, and there are users who ask for nothing else."),
        (("Classify", "--model", "another"), "another is not ready to classify; there is stub."),
        (("Classify", "--pictures", "/nowhere"), "/nowhere holds no pictures."),
        (("Classify", "--objectives", "/nowhere.toml"), "/nowhere.toml cannot be read"),
        (("Classify", "--objectives", "/dev/null"), "There is no objective for classify"),
        (("Classify", "--stages", "4x0"), "'4x0' is no stage"),
        (("Classify", "--shape", "smoke"), "--shape and --stages both say how load goes over time; give one of them."),
        (("Classify", "-t", "4s"), "--run-time does not go with --shape or --stages"),
        (("Classify", "--rate", "5"), "No stage is within --rate 5, so nothing would be judged."),
        (("Nobody",), "there are no users 'Nobody'; there are Classify, Segment, Cam, Mixed"),
        (("Classify", "--rate", "inf"), "'inf' is no number above 0"),
        (("Classify", "--host", ""), "--host has to say where the service is"),
        (("Classify", "--host", "localhost:9"), "--host has to be a URL as in http://127.0.0.1:3000"),
        (("Classify", "--host", "http://127.0.0.1:9"), "127.0.0.1:9 does not list its models"),
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
