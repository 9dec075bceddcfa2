"""The load tests against the real service, by their command lines."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from loadtest.results.rows import read_csv
from tests.loadtest.locust_runs import ROOT, SMALL, clean_environment, locust_command, run_locust
from tests.service.live.running import Service, free_port, running_service
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


def test_rows_of_workers_reach_the_master(service: Service, tmp_path: Path) -> None:
    port = free_port()
    worker = subprocess.Popen(
        locust_command("--worker", "--master-port", port),
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        master = ("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port)
        expected = ("--expect-workers", "1", "--expect-workers-max-wait", "30")
        run = run_locust(service.url, tmp_path, "Classify", "--stages", "3x20", *master, *expected)
    finally:
        worker.terminate()
        worker.wait(20)
    assert run.code in (0, 1, 3), run.output
    assert len(run.table().of("ok")) == pytest.approx(60, abs=30)


def test_steps_of_load_end_in_a_page(service: Service, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "loadtest", "load", "--url", service.url, "--rates", "10,20", "--seconds", "2"]
    command += ["--out", str(tmp_path), "--pictures", str(SMALL)]
    ended = subprocess.run(
        command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=90, check=False
    )
    assert ended.returncode in (0, 1), ended.stdout + ended.stderr
    assert "Knee: " in ended.stdout
    page = (tmp_path / "index.html").read_text()
    assert "Knee: " in page
    assert "The knee is the highest offered rate at which" in page
    with Image.open(tmp_path / "load.png") as picture:
        assert picture.size == (1540, 880)
    header, *lines = (tmp_path / "steps.csv").read_text().splitlines()
    assert len(lines) == 2
    assert {"offered", "p99_ms", "cpu_share", "memory_mib", "queue_ms", "inference_ms"} <= set(header.split(","))
    folders = sorted(folder.name for folder in tmp_path.iterdir() if folder.is_dir())
    assert folders == ["00010.00", "00020.00"]
    # What is due in the first two seconds warms connections up and counts for nothing.
    counted = dict(zip(header.split(","), lines[1].split(","), strict=True))["requests"]
    assert len(read_csv(tmp_path / "00020.00/requests.csv")) > 1.3 * int(counted)
