"""The load tests against the real service, by their command lines."""

import csv
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from loadtest.results.rows import read_csv
from tests.loadtest.locust_runs import ROOT, SMALL, clean_environment, rest_of, run_locust
from tests.service.live.running import Service, running_service
from tests.service.tiny_artifact import write_tiny_artifact
from tests.service.tiny_segmenter import write_tiny_segmenter


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("loaded")
    write_tiny_artifact(folder / "repository", name="tiny")
    write_tiny_segmenter(folder / "repository", name="levels")
    with running_service(folder, folder / "repository", threads=1) as service:
        yield service


def test_smoke_asks_every_endpoint_and_meets_the_objectives(service: Service, tmp_path: Path) -> None:
    lenient = tmp_path / "objectives.toml"  # a machine that runs tests is busy with other things
    endpoints = ("classify", "segment", "cam")
    lenient.write_text("".join(f"[{name}]\np99_ms = 9000\nerror_share = 0\n" for name in endpoints))
    locust_files = ("--csv", tmp_path / "locust", "--html", tmp_path / "locust.html")
    run = run_locust(service.url, tmp_path, "--stages", "4x20", "--objectives", lenient, *locust_files)
    assert run.code in (0, 3), run.output  # nor does the schedule always hold there
    table = run.table()
    assert table.endpoints() == list(endpoints)
    assert len(table.of("ok")) == len(table)
    assert len(table.asked("classify")) > 4 * len(table.asked("cam"))
    assert {each["endpoint"] for each in run.summary()["objectives"]} == set(endpoints)
    assert all(each["met"] for each in run.summary()["objectives"])
    assert "classify" in (tmp_path / "locust_stats.csv").read_text()
    assert (tmp_path / "locust.html").stat().st_size > 1000


@pytest.mark.parametrize("users", [("Mixed",), ("Classify", "Segment", "Cam")])
def test_however_short_a_test_is_it_asks_for_everything(
    service: Service, tmp_path: Path, users: tuple[str, ...]
) -> None:
    run = run_locust(service.url, tmp_path, *users, "--stages", "3x1", "--pictures", SMALL)
    assert run.table().endpoints() == ["classify", "segment", "cam"]
    assert "nothing was asked" not in run.output


def loadtest_command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "loadtest", *map(str, arguments)]


def run_loadtest(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = loadtest_command(*arguments)
    return subprocess.run(
        command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=240, check=False
    )


def test_steps_of_load_end_in_a_page(service: Service, tmp_path: Path) -> None:
    old = tmp_path / "steps/00005.00-1"
    old.mkdir(parents=True)
    (old / "locust_stats.csv").touch()
    (tmp_path / "steps/notes.txt").touch()
    rates = ("--rates", "20,10,20", "--seconds", 2)
    ended = run_loadtest("load", "--url", service.url, *rates, "--out", tmp_path, "--pictures", SMALL)
    assert ended.returncode in (0, 1, 3), ended.stdout + ended.stderr
    assert "Knee: " in ended.stdout
    page = (tmp_path / "index.html").read_text()
    assert "The knee is the highest offered rate at which" in page
    assert "Load on tiny" in page
    assert f"asked: Classify: classify of tiny version 1 on cpu; pictures in {SMALL.name}" in page
    with Image.open(tmp_path / "load.png") as picture:
        assert picture.size == (1540, 880)
    with (tmp_path / "steps.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["rate"] for row in rows} == {"10.0", "20.0"}
    assert {"offered", "p99_ms", "cpu_share", "memory_mib", "queue_ms", "inference_ms"} <= rows[0].keys()
    assert {"notes.txt", "00010.00-1", "00020.00-1"} <= {path.name for path in (tmp_path / "steps").iterdir()}
    assert not old.exists()
    # What is due in the first two seconds warms connections up and counts for nothing.
    last = next(row for row in rows if row["rate"] == "20.0")
    assert len(read_csv(tmp_path / "steps/00020.00-1/requests.csv")) > 1.3 * int(last["requests"])


def test_an_interrupt_keeps_what_was_measured_and_leaves_nothing_running(service: Service, tmp_path: Path) -> None:
    command = loadtest_command("load", "--url", service.url, "--rates", "10,11,12", "--seconds", 2, "--out", tmp_path)
    with subprocess.Popen(
        command, cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            ends = time.monotonic() + 90
            children: list[psutil.Process] = []
            while not (children and (tmp_path / "index.html").exists()) and time.monotonic() < ends:
                children = psutil.Process(process.pid).children(recursive=True)
                time.sleep(0.02)
            assert children
            process.send_signal(signal.SIGINT)
            output = rest_of(process)
        finally:
            process.kill()
    assert process.returncode == 130
    assert f"interrupted; what was measured until then lies in {tmp_path}" in output
    assert "Traceback" not in output
    assert (tmp_path / "report.md").exists()
    assert [each.status() for each in children if each.is_running()] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("load", "--rates", "abc"), "argument --rates: 'abc' is no number above 0"),
        (("load", "--rates", "10,inf"), "argument --rates: 'inf' is no number above 0"),
        (("load", "--url", "localhost:3000"), "'localhost:3000' is no URL"),
        (("load", "--repository", "/nowhere"), "--repository /nowhere is no folder"),
        (("load", "--prometheus", "http://127.0.0.1:9", "--url", "http://127.0.0.1:9"), "cannot be read"),
        (("overload", "--knee", "0"), "argument --knee: '0' is no number above 0"),
        (("overload", "--knee", "9", "--seconds", "1"), "--seconds 1 are too few; an overload lasts at least 2"),
        (("overload", "--knee", "9", "--users", "Cam", "--peer", "README.md"), "--peer can only classify"),
        (("overload", "--knee", "9", "--peer", "/nowhere"), "--peer /nowhere is no file"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_started(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    ended = run_loadtest(*arguments, "--out", tmp_path)
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
