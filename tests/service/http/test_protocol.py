"""The protocol under a real server, with an application that says what it was sent."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uvicorn

from service.http.protocol import HEAD_AT_MOST_BYTES, NAME
from service.http.request import Receive, Scope, Send

IDLE_S = 1
HOST = b"Host: convoy\r\n"
CHUNKED = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the length of the body, at leisure where the path says so."""
    assert scope["type"] == "http"
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        more = message["more_body"]
    if scope["path"] == "/slow":
        time.sleep(0.2)
    body = f"{scope['method']} {size}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Port of the server."""
    config = uvicorn.Config(echo, port=0, http=NAME, log_config=None, lifespan="off", timeout_keep_alive=IDLE_S)
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join(10)
    listening.close()


@dataclass
class Connection:
    """A socket, and what came back over it."""

    sock: socket.socket

    def send(self, data: bytes) -> None:
        """All of it."""
        self.sock.sendall(data)

    def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        received = bytearray()
        while data := self.sock.recv(65536):
            received += data
        return bytes(received)

    def some(self) -> bytes:
        """What is there."""
        return self.sock.recv(65536)


@pytest.fixture
def connection(port: int) -> Iterator[Connection]:
    """A new connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        yield Connection(sock)


def assert_refused(answer: bytes, sentence: str) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in lines)
    assert first == b"HTTP/1.1 400 Bad Request"
    assert headers[b"content-type"] == b"application/json"
    assert int(headers[b"content-length"]) == len(body)
    assert len(headers[b"x-request-id"]) == 32
    assert headers[b"connection"] == b"close"
    assert json.loads(body) == {"error": sentence, "code": "bad_request"}


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"BREW / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        CHUNKED + b"no number\r\n",
    ],
)
def test_what_is_not_http_gets_an_answer_in_the_usual_shape(connection: Connection, data: bytes) -> None:
    connection.send(data)
    assert_refused(connection.rest(), "The request is not valid HTTP/1.1.")


def test_a_body_whose_chunks_break_off_into_noise_is_refused(connection: Connection) -> None:
    connection.send(CHUNKED + b"3\r\nabc\r\n")
    time.sleep(0.05)
    connection.send(b"noise\r\n")
    assert_refused(connection.rest(), "The request is not valid HTTP/1.1.")


@pytest.mark.parametrize("unit", [b"a" * 1000, b"name: value\r\n" * 100], ids=["one header", "many headers"])
def test_an_endless_head_is_refused_and_its_sender_sees_that(connection: Connection, unit: bytes) -> None:
    connection.send(b"GET / HTTP/1.1\r\nX: ")
    for _ in range(2_000_000 // len(unit)):
        connection.send(unit)
    answer = connection.rest()
    assert_refused(answer, f"The head of the request is larger than the {HEAD_AT_MOST_BYTES} bytes that are allowed.")


def test_an_endless_path_is_refused(connection: Connection) -> None:
    connection.send(b"GET /" + b"a" * 2_000_000)
    answer = connection.rest()
    assert_refused(answer, f"The head of the request is larger than the {HEAD_AT_MOST_BYTES} bytes that are allowed.")


def test_the_bound_is_on_each_head_and_not_on_the_connection(connection: Connection) -> None:
    for _ in range(4):
        connection.send(b"GET / HTTP/1.1\r\nX: " + b"a" * (HEAD_AT_MOST_BYTES // 2))
        time.sleep(0.02)
        connection.send(b"\r\n\r\n")
        assert connection.some().endswith(b"GET 0")


def test_a_large_body_is_no_head(connection: Connection) -> None:
    connection.send(b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000))
    assert connection.some().endswith(b"POST 1000000")


@pytest.mark.parametrize("beginning", [b"", b"GET / HTTP/1.1\r\nX: y"], ids=["nothing", "half a head"])
def test_a_connection_without_a_whole_head_is_closed_in_time(connection: Connection, beginning: bytes) -> None:
    started = time.monotonic()
    connection.send(beginning)
    assert connection.rest() == b""
    assert IDLE_S * 0.9 < time.monotonic() - started < IDLE_S + 3


def test_a_head_that_trickles_is_not_waited_for_on_a_used_connection_either(connection: Connection) -> None:
    connection.send(b"GET / HTTP/1.1\r\n\r\n")
    assert connection.some().endswith(b"GET 0")
    started = time.monotonic()
    with pytest.raises(OSError, match=r"reset|Broken pipe"):  # noqa: PT012  it ends at one of many writes
        connection.send(b"GET / HTTP/1.1\r\nX: ")
        while time.monotonic() - started < IDLE_S + 4:
            connection.send(b"y")
            time.sleep(0.05)
    assert time.monotonic() - started < IDLE_S + 3


def test_a_slow_body_is_the_application_s_to_judge(connection: Connection) -> None:
    connection.send(b"POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\n")
    for _ in range(30):
        connection.send(b"x")
        time.sleep(IDLE_S / 20)
    assert connection.some().endswith(b"POST 30")


def test_pipelined_requests_are_answered_in_order(connection: Connection) -> None:
    connection.send(b"GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiHEAD / HTTP/1.1\r\n\r\n")
    answer = b""
    while answer.count(b"HTTP/1.1 200 OK") < 3:
        answer += connection.some()
    assert answer.index(b"GET 0") < answer.index(b"POST 2")


def test_noise_behind_a_request_does_not_take_the_place_of_its_answer(connection: Connection) -> None:
    connection.send(b"GET /slow HTTP/1.1\r\n\r\nnoise\r\n\r\n")
    answer = connection.rest()
    assert answer.count(b"HTTP/1.1") == 1
    assert answer.endswith(b"GET 0")
    assert b"connection: close" in answer


def test_a_tunnel_is_refused(connection: Connection) -> None:
    connection.send(b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere\r\n\r\n")
    assert_refused(connection.rest(), "This is no proxy.")


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
def test_an_upgrade_that_is_not_granted_goes_on_as_plain_http(connection: Connection, protocol: bytes) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n"
    connection.send(b"POST / HTTP/1.1\r\n" + upgrade + b"Content-Length: 4\r\n\r\nhi")
    time.sleep(0.02)
    connection.send(b"ho")
    assert connection.some().endswith(b"POST 4")
    connection.send(b"GET / HTTP/1.1\r\n\r\n")
    assert connection.some().endswith(b"GET 0")
