"""A master and its workers: all of them prepare before the clock begins, and none can be lost unnoticed."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.loadtest.locust_runs import SMALL, Run, kept, locust_command, rest_of, said, started_locust
from tests.loadtest.stub_service import stub_service
from tests.service.live.running import free_port

Process = subprocess.Popen[str]


@contextmanager
def crew(url: str, folder: Path, *arguments: object, workers: int) -> Iterator[tuple[Process, list[Process]]]:
    """A master, and workers that know nothing but where it is."""
    port = free_port()
    master = ("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port)
    expected = ("--expect-workers", workers, "--expect-workers-max-wait", 30)
    command = locust_command("--host", url, "--report", folder, "Classify", *arguments, *master, *expected)
    worker = locust_command("--worker", "--master-port", port)
    with ExitStack() as stack:
        started = [stack.enter_context(started_locust(worker)) for _ in range(workers)]
        yield stack.enter_context(started_locust(command)), started


def test_rows_of_workers_reach_the_master(tmp_path: Path) -> None:
    # Each worker asks about six pictures before the clock begins.
    with (
        stub_service(slow_until=12, slow_s=0.3) as url,
        crew(url, tmp_path, "--stages", "2x20,2x40", workers=2) as (master, _),
    ):
        output = rest_of(master)
    run = Run(master.returncode, output, tmp_path)
    assert run.code in (0, 1, 3), output
    assert run.summary()["asked"] == {"classify": "stub"}
    first, second = run.summary()["stages"]
    assert run.table().due_s.min() - first["start_s"] < 1.0
    assert kept(first, 20)
    assert kept(second, 40)
    assert 0 < first["generator_cpu_share"] < 1
    assert len(run.table().of("ok")) == len(run.table())


def test_a_worker_that_dies_ends_the_run_and_makes_it_invalid(tmp_path: Path) -> None:
    # Its requests are under way for ever, as far as the master was told.
    with (
        stub_service(takes_s=0.2) as url,
        crew(url, tmp_path, "--stages", "60x10", "--pictures", SMALL, workers=2) as (master, workers),
    ):
        said(master, "All users spawned")
        workers[0].kill()
        output = rest_of(master)
    run = Run(master.returncode, output, tmp_path)
    assert run.code == 3, output
    assert run.summary()["problems"][0] in ("Worker 0 went missing", "Worker 1 went missing")
    assert len(run.table()) > 10


def test_the_reason_of_a_worker_that_cannot_ask_reaches_the_master(tmp_path: Path) -> None:
    arguments = ("--stages", "3x10", "--model", "another")
    with stub_service() as url, crew(url, tmp_path, *arguments, workers=1) as (master, _):
        output = rest_of(master)
    assert master.returncode == 2, output
    assert "loadtest: Worker 0: another is not ready to classify; there is stub." in output
    assert not (tmp_path / "summary.json").exists()
