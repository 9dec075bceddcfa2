"""Many large uploads at once: what cannot be kept is refused, and senders who have sent little keep nobody out."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.service.inference.pictures import encode
from tests.service.live.api_service import quadrant
from tests.service.live.callers import Caller
from tests.service.live.running import Service, running_service
from tests.service.live.watching import resident_mb, scrape, total, until, workers_of
from tests.service.tiny_artifact import write_tiny_artifact

CLASSIFY = "/v1/models/tiny/classify"
PICTURE = encode(quadrant(1), "PNG")
MAX_BODY_BYTES = 4_000_000
AT_ONCE = 8


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("uploads")
    write_tiny_artifact(folder / "repository")
    with running_service(
        folder, folder / "repository", threads=1, max_body_bytes=MAX_BODY_BYTES, upload_timeout_s=60
    ) as running:
        yield running


def begin_upload(service: Service, stack: ExitStack, sent_bytes: int) -> socket.socket:
    """A request of the largest size, of which only so much has been sent."""
    host, port = service.url.removeprefix("http://").split(":")
    connection = stack.enter_context(socket.create_connection((host, int(port)), timeout=5))
    head = f"POST {CLASSIFY} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {MAX_BODY_BYTES}\r\n\r\n"
    connection.sendall(head.encode() + PICTURE)
    connection.sendall(bytes(sent_bytes - len(PICTURE)))
    return connection


def test_more_bytes_than_can_be_kept_are_refused_and_nobody_else_is(service: Service) -> None:
    (worker,) = workers_of(service)
    before_mb = resident_mb(worker)
    with ExitStack() as stack:
        uploads = [begin_upload(service, stack, MAX_BODY_BYTES - 1000) for _ in range(AT_ONCE + 12)]
        refused = [upload for upload in uploads if _has_answer(upload)]
        assert len(refused) >= 12
        for upload in refused:
            answer = upload.recv(65536)
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b'"code":"overloaded"' in answer
        assert resident_mb(worker) < before_mb + 3 * AT_ONCE * MAX_BODY_BYTES / 1e6
        with Caller(service.url) as caller:
            assert caller.ask("POST", CLASSIFY, PICTURE).status == 200
            assert caller.ask("GET", "/readyz").status == 200
        for upload in uploads:
            if upload not in refused:
                upload.sendall(bytes(1000))
                assert upload.recv(65536).startswith(b"HTTP/1.1 200 ")
    with Caller(service.url) as caller:
        for _ in range(3 * AT_ONCE):
            assert caller.ask("POST", CLASSIFY, PICTURE + bytes(MAX_BODY_BYTES - len(PICTURE))).status == 200


def test_senders_who_hang_up_in_the_middle_free_what_they_held(service: Service) -> None:
    def gone() -> float:
        return total(scrape(service), "convoy_inference_requests_total", outcome="client_error")

    for _ in range(3):
        before = gone()
        with ExitStack() as stack:
            for _ in range(AT_ONCE - 1):
                begin_upload(service, stack, MAX_BODY_BYTES - 1000)
        until(lambda before=before: gone() == before + AT_ONCE - 1, within_s=10, what="all gone")  # type: ignore[misc]
    with Caller(service.url) as caller:
        assert caller.ask("POST", CLASSIFY, PICTURE + bytes(MAX_BODY_BYTES - len(PICTURE))).status == 200


def test_fifty_senders_who_dawdle_keep_nobody_out(service: Service) -> None:
    with ExitStack() as stack:
        for _ in range(50):
            begin_upload(service, stack, 2000)
        with Caller(service.url) as caller:
            body = PICTURE + bytes(MAX_BODY_BYTES - len(PICTURE))
            assert all(caller.ask("POST", CLASSIFY, body).status == 200 for _ in range(5))


def _has_answer(connection: socket.socket) -> bool:
    connection.settimeout(0.5)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return False
    finally:
        connection.settimeout(5)
