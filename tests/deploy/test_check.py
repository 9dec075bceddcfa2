"""The check of the deployment, as far as it goes without an engine: what counts as lost, and how it ends."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from deploy.check.__main__ import Report
from deploy.check.engine import CheckFailed
from deploy.check.traffic import Call, Traffic, steady, told
from tests.deploy.balancer import Replica
from tests.service.live.running import free_port

CALL = Call(path="/v1/x", body=b"picture", expected=b"fine")


def asked(port: int) -> Traffic:
    """What two callers see in a moment."""
    with steady("127.0.0.1", port, [CALL], callers=2, per_second=40) as traffic:
        time.sleep(0.3)
    assert traffic.asked > 0
    return traffic


@pytest.fixture
def replica() -> Iterator[Replica]:
    server = Replica()
    yield server
    server.stop()


def test_right_answers_are_counted_and_nothing_is_lost(replica: Replica) -> None:
    traffic = asked(replica.port)
    assert traffic.failures == []
    assert traffic.answered == len(replica.asked)


def test_a_wrong_answer_is_lost_and_was_an_answer(replica: Replica) -> None:
    replica.answer = lambda: b"something else"
    traffic = asked(replica.port)
    assert traffic.answered == 0
    assert all(failure.answered for failure in traffic.failures)
    assert told(traffic.failures) == f"{len(traffic.failures)} times 200 b'something else'"


def test_who_hangs_up_or_does_not_listen_has_not_answered(replica: Replica) -> None:
    replica.answer = lambda: None
    for port, wrong in ((replica.port, "RemoteDisconnected"), (free_port(), "ConnectionRefusedError")):
        began_s = time.monotonic()
        traffic = asked(port)
        assert {(failure.answered, failure.wrong) for failure in traffic.failures} == {(False, wrong)}
        assert all(began_s < failure.began_s < time.monotonic() for failure in traffic.failures)


def test_a_step_that_finds_nobody_ends_in_one_sentence() -> None:
    def work() -> str:
        return httpx.get(f"http://127.0.0.1:{free_port()}/v1/models").text

    with pytest.raises(CheckFailed, match=r"^answers: ConnectError: .*refused$"):
        Report().step("answers", work)


def test_an_answer_with_an_error_ends_in_one_sentence() -> None:
    def work() -> str:
        request = httpx.Request("GET", "http://127.0.0.1/v1/models")
        return httpx.Response(503, request=request).raise_for_status().text

    with pytest.raises(CheckFailed, match=r"^answers: HTTPStatusError: .*503") as caught:
        Report().step("answers", work)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda each: each.name)
def test_a_signal_ends_it_by_tearing_down_which_a_second_one_does_not_cut_short(number: signal.Signals) -> None:
    code = f"""
import signal, time
from deploy.check.__main__ import end
signal.signal({number.value}, end)
try:
    print("up", flush=True)
    time.sleep(30)
finally:
    print("stopping", flush=True)
    time.sleep(0.5)
    print("down", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(number)
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(number)
        assert process.stdout.read() == "down\n"
    assert process.returncode == 128 + number
