"""More requests than one lane can serve: quick refusals, kept deadlines, and afterwards as if nothing had been."""

import base64
import json
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.service.inference.pictures import encode
from tests.service.live.api_service import quadrant
from tests.service.live.callers import Caller, Reply, all_at_once, repeating
from tests.service.live.running import Service, running_service
from tests.service.live.slow_artifact import write_slow_artifact
from tests.service.live.watching import scrape, total, until

RUN_S = 0.15
DEADLINE_S = 1.0
QUEUE_SIZE = 4
SLOW = "/v1/models/slow/classify"
PICTURE = encode(quadrant(1), "PNG")
# A machine that is busy with something else adds this much to any time at most.
SLACK_S = 0.5


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("overload")
    write_slow_artifact(folder / "repository", takes_s=RUN_S)
    with running_service(
        folder, folder / "repository", threads=1, queue_size=QUEUE_SIZE, deadline_s=DEADLINE_S, access_log="false"
    ) as running:
        caller = Caller(running.url)
        for _ in range(3):  # so that it knows what a request costs
            assert caller.ask("POST", SLOW, PICTURE).status == 200
        caller.close()
        yield running


def at_rest(service: Service) -> bool:
    text = scrape(service)
    gauges = [total(text, name) for name in ("convoy_queue_depth", "convoy_inflight", "http_server_active_requests")]
    return gauges == [0.0, 0.0, 1.0]  # the one is the scrape


@contextmanager
def busy(service: Service) -> Iterator[None]:
    """A service whose lane and queue are full nearly all the time."""
    with ExitStack() as stack:
        for _ in range(2 * QUEUE_SIZE):
            stack.enter_context(repeating(service.url, "POST", SLOW, PICTURE, pause_s=0.02))
        until(lambda: total(scrape(service), "convoy_queue_depth") >= QUEUE_SIZE - 1, within_s=10, what="a full queue")
        yield


def test_what_is_accepted_is_in_time_and_what_is_refused_is_refused_in_milliseconds(service: Service) -> None:
    before = scrape(service)

    def three_in_turn(index: int) -> list[Reply]:
        caller = Caller(service.url)
        replies = [caller.ask("POST", SLOW, PICTURE) for _ in range(3)]
        caller.close()
        return replies

    with (
        repeating(service.url, "GET", "/livez", pause_s=0.002) as live,
        repeating(service.url, "GET", "/readyz", pause_s=0.002) as ready,
    ):
        replies = [reply for three in all_at_once(20, three_in_turn) for reply in three]
    answered = [reply for reply in replies if reply.status == 200]
    refused = [reply for reply in replies if reply.status == 503]
    late = [reply for reply in replies if reply.status == 504]
    assert len(answered) + len(refused) + len(late) == 60
    assert len(answered) >= 3
    assert len(refused) >= 30
    assert all(reply.json["predictions"][0]["index"] == 1 for reply in answered)
    assert max(reply.seconds for reply in answered) < DEADLINE_S + SLACK_S
    assert all(DEADLINE_S - 0.01 <= reply.seconds < DEADLINE_S + SLACK_S for reply in late)
    assert {reply.code for reply in refused} == {"overloaded"}
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in refused)
    assert statistics.median(reply.seconds for reply in refused) < 0.05
    for probes in (live, ready):
        assert {reply.status for reply in probes} == {200}
        assert statistics.median(reply.seconds for reply in probes) < 0.05
        assert max(reply.seconds for reply in probes) < SLACK_S

    until(lambda: at_rest(service), within_s=5, what="rest after the storm")
    after = scrape(service)
    counted = {
        outcome: total(after, "convoy_inference_requests_total", outcome=outcome)
        - total(before, "convoy_inference_requests_total", outcome=outcome)
        for outcome in ("ok", "rejected", "timeout", "error", "client_error")
    }
    expected = {"ok": len(answered), "rejected": len(refused), "timeout": len(late), "error": 0, "client_error": 0}
    assert counted == expected
    for reason, number in (("overloaded", len(refused)), ("deadline_exceeded", len(late))):
        name = "convoy_rejected_total"
        assert total(after, name, reason=reason) - total(before, name, reason=reason) == number


def test_a_large_body_is_refused_before_it_is_sent(service: Service) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    head = f"POST {SLOW} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 30000000\r\n\r\n".encode()
    refusals_s = []
    with busy(service):
        for _ in range(40):
            with socket.create_connection((host, int(port)), timeout=0.5) as connection:
                began = time.monotonic()
                connection.sendall(head + PICTURE)
                try:
                    answer = connection.recv(65536)
                except TimeoutError:
                    continue  # a place was free, and the service waits for the rest
                assert answer.startswith(b"HTTP/1.1 503 ")
                refusals_s.append(time.monotonic() - began)
            if len(refusals_s) == 10:
                break
    assert len(refusals_s) == 10
    assert statistics.median(refusals_s) < 0.05
    until(lambda: at_rest(service), within_s=5, what="rest after broken uploads")


def test_callers_who_hang_up_while_they_wait_leave_the_queue_without_being_served(service: Service) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    head = f"POST {SLOW} HTTP/1.1\r\nHost: {host}\r\nContent-Length: "
    several = json.dumps({"image": [base64.b64encode(PICTURE).decode()] * round(0.7 * DEADLINE_S / RUN_S)}).encode()
    until(lambda: at_rest(service), within_s=5, what="rest before")
    before = scrape(service)
    with ExitStack() as stack:

        def send(body: bytes) -> None:
            connection = stack.enter_context(socket.create_connection((host, int(port)), timeout=5))
            connection.sendall(f"{head}{len(body)}\r\n\r\n".encode() + body)

        send(several)
        until(lambda: total(scrape(service), "convoy_inflight") == 1.0, within_s=5, what="a busy lane")
        for _ in range(QUEUE_SIZE):
            send(PICTURE)
        until(lambda: total(scrape(service), "convoy_queue_depth") == QUEUE_SIZE, within_s=5, what="a full queue")
    until(lambda: at_rest(service), within_s=10, what="rest after callers hung up")
    after = scrape(service)
    name = "convoy_inference_requests_total"
    # All hung up, the one in the lane too: its run went to its end, and nobody was told.
    assert total(after, name, outcome="client_error") - total(before, name, outcome="client_error") == QUEUE_SIZE + 1
    for outcome in ("ok", "error", "timeout", "rejected"):
        assert total(after, name, outcome=outcome) == total(before, name, outcome=outcome)
    # Their bodies were there: they count in how long answers take, for it may be why they hung up.
    for name in ("http_server_request_duration_seconds_count", "convoy_answer_duration_seconds_count"):
        assert total(after, name, status_code="499") - total(before, name, status_code="499") == QUEUE_SIZE + 1
    assert '"error"' not in service.log
    assert "convoy.repository" in service.log
    assert "convoy.access" not in service.log  # CONVOY_ACCESS_LOG=false


def test_a_request_that_runs_when_its_time_is_up_gets_504_and_keeps_the_lane_until_its_end(service: Service) -> None:
    pictures = round(1.6 * DEADLINE_S / RUN_S)
    body = json.dumps({"image": [base64.b64encode(PICTURE).decode()] * pictures}).encode()
    caller = Caller(service.url)
    late = caller.ask("POST", SLOW, body, content_type="application/json")
    assert (late.status, late.code) == (504, "deadline_exceeded")
    assert DEADLINE_S - 0.01 <= late.seconds < DEADLINE_S + SLACK_S
    assert total(scrape(service), "convoy_inflight") == 1.0
    until(lambda: at_rest(service), within_s=20, what="the end of the run that nobody waits for")
    # The estimate has seen a run of seconds; it must not shut anybody out.
    assert all(caller.ask("POST", SLOW, PICTURE).status == 200 for _ in range(3))
    caller.close()
