"""A stop signal: what runs is finished, nothing new is taken, the exit code is 0."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.service.inference.pictures import encode
from tests.service.live.api_service import quadrant
from tests.service.live.callers import Caller, Reply
from tests.service.live.running import Service, running_service
from tests.service.live.slow_artifact import write_slow_artifact
from tests.service.live.watching import scrape, total, until, workers_of

SLOW = "/v1/models/slow/classify"
PICTURE = encode(quadrant(1), "PNG")
RUN_S = 0.5


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    write_slow_artifact(folder, takes_s=RUN_S)
    return folder


def terminate(service: Service) -> None:
    service.process.send_signal(signal.SIGTERM)


def interrupt_all(service: Service) -> None:
    """What Ctrl-C in a terminal does: every process of the group gets the signal."""
    for pid in [service.process.pid, *workers_of(service)]:
        os.kill(pid, signal.SIGINT)


@contextmanager
def requests_under_way(service: Service, number: int) -> Iterator[list[Reply | Exception]]:
    """Requests in the lane and in the queue; their outcomes, complete when the block has ended."""
    outcomes: list[Reply | Exception] = []

    def one(_: int) -> None:
        with Caller(service.url) as caller:
            try:
                outcomes.append(caller.ask("POST", SLOW, PICTURE))
            except Exception as error:
                outcomes.append(error)

    with ThreadPoolExecutor(number) as pool:
        asked = [pool.submit(one, index) for index in range(number)]
        until(lambda: total(scrape(service), "convoy_queue_depth") == number - 1, within_s=10, what="a queue")
        yield outcomes
        for future in asked:
            future.result(30)


@pytest.mark.parametrize("stop", [terminate, interrupt_all])
def test_what_runs_is_finished_and_nothing_new_is_taken(
    tmp_path: Path, repository: Path, stop: Callable[[Service], None]
) -> None:
    with running_service(tmp_path, repository, threads=1) as service, Caller(service.url) as idle:
        host, port = service.url.removeprefix("http://").split(":")
        assert idle.ask("GET", "/livez").status == 200
        with requests_under_way(service, 3) as outcomes:
            stop(service)

            def refused() -> bool:
                try:
                    socket.create_connection((host, int(port)), timeout=1).close()
                except ConnectionRefusedError:
                    return True
                return False

            until(refused, within_s=RUN_S * 2, what="no new connections")
        answers = [outcome for outcome in outcomes if isinstance(outcome, Reply)]
        assert [answer.status for answer in answers] == [200, 200, 200], outcomes
        assert service.process.wait(20) == 0
    assert "Traceback" not in service.log
    assert '"level":"error"' not in service.log


def test_requests_that_take_longer_than_the_drain_are_cut_off(tmp_path: Path, repository: Path) -> None:
    with (
        running_service(tmp_path, repository, threads=1, drain_s=1, deadline_s=30) as service,
        requests_under_way(service, 8) as outcomes,
    ):
        terminate(service)
        began = time.monotonic()
        assert service.process.wait(20) == 0
        assert time.monotonic() - began < 1 + 4 * RUN_S
    answers = [outcome for outcome in outcomes if isinstance(outcome, Reply)]
    cut_off = [answer for answer in answers if answer.status != 200]
    assert len(answers) == 8, outcomes
    assert 3 <= len(cut_off) < 8
    for answer in cut_off:
        assert (answer.status, answer.json) == (503, {"error": "The service is stopping.", "code": "not_ready"})
        assert answer.headers["retry-after"] == "1"
    assert "Traceback" not in service.log
