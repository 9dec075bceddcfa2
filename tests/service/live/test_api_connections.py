"""Connections: what callers do with them that browsers do not, and that the service goes on afterwards."""

import base64
import socket
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.service.inference.pictures import encode
from tests.service.live.api_service import CLASSIFY, PICTURE, UPLOAD_TIMEOUT_S, quadrant, troubles, written
from tests.service.live.running import Service
from tests.service.live.wire import chunked, connect, exchange, form, receive, request


@pytest.fixture(autouse=True)
def goes_on(api: Service) -> Iterator[None]:
    """After each test a good request works, nothing is in the log, and nothing is still counted as running."""
    logged = written(api.log)
    yield
    with api.client() as client:
        assert client.post(CLASSIFY, content=PICTURE).json()["predictions"][0]["index"] == 1
        active = [
            line for line in client.get("/metrics").text.splitlines() if line.startswith("http_server_active_requests")
        ]
    assert active
    # The question itself is the one.
    assert sum(float(line.split()[-1]) for line in active) == 1
    assert not troubles(api.log[logged:])


def hang_up(sock: socket.socket) -> None:
    """End with a reset, as a program that crashed does."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()


WHOLE = request("POST", CLASSIFY, PICTURE)
BEGINNINGS = {
    "nothing": b"",
    "in the head": WHOLE[:30],
    "after the head": WHOLE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
    "in the body": WHOLE[:-10],
    "in a chunk": chunked("POST", CLASSIFY, [PICTURE])[:-40],
    "between chunks": chunked("POST", CLASSIFY, [PICTURE, PICTURE])[:-5],
    "after the whole": WHOLE,
    "in the body of a refused request": request("POST", "/nothing", headers={"Content-Length": "9999"}) + bytes(99),
}


@pytest.mark.parametrize("where", BEGINNINGS)
@pytest.mark.parametrize("how", [socket.socket.close, hang_up])
def test_a_caller_who_hangs_up_is_forgotten(api: Service, where: str, how: Callable[[socket.socket], None]) -> None:
    for _ in range(5):
        sock = connect(api.url)
        sock.sendall(BEGINNINGS[where])
        how(sock)
    time.sleep(0.1)


def test_a_hundred_callers_who_stop_half_way_do_not_keep_others_waiting(api: Service) -> None:
    stuck = [connect(api.url) for _ in range(100)]
    for sock in stuck:
        sock.sendall(WHOLE[:-10])
    started = time.monotonic()
    with api.client() as client:
        assert client.post(CLASSIFY, content=PICTURE).status_code == 200
    assert time.monotonic() - started < UPLOAD_TIMEOUT_S
    assert {receive(sock).status for sock in stuck} == {408}
    for sock in stuck:
        sock.close()


def test_the_connection_of_an_upload_that_took_too_long_is_closed(api: Service) -> None:
    with connect(api.url) as sock:
        sock.sendall(WHOLE[:-10])
        assert receive(sock).status == 408
        assert sock.recv(1) == b""


def test_pipelined_requests_are_answered_in_order(api: Service) -> None:
    with connect(api.url) as sock:
        bodies = [encode(quadrant(index), "PNG") for index in (2, 0, 3)]
        sock.sendall(b"".join(request("POST", f"{CLASSIFY}?top_k=1", body) for body in bodies))
        sock.sendall(request("GET", "/nothing", headers={"Connection": "close"}))
        received = b""
        while data := sock.recv(65536):
            received += data
    found = [received.index(f'"index":{index}'.encode()) for index in (2, 0, 3)]
    assert found == sorted(found)
    assert received.count(b"HTTP/1.1 200 OK") == 3
    assert received.endswith(b'"code":"not_found"}')


def test_http_1_0_is_answered_and_closed(api: Service) -> None:
    with connect(api.url) as sock:
        sock.sendall(request("POST", CLASSIFY, PICTURE, version="1.0"))
        answer = receive(sock)
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert sock.recv(1) == b""


def test_a_caller_who_asks_first_is_told_to_send(api: Service) -> None:
    with connect(api.url) as sock:
        head, _, body = request("POST", CLASSIFY, PICTURE, {"Expect": "100-continue"}).partition(b"\r\n\r\n")
        sock.sendall(head + b"\r\n\r\n")
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert receive(sock).status == 200


@pytest.mark.parametrize("target", ["/v1/models/nobody/classify", f"{CLASSIFY}?top_k=0", "/nothing"])
def test_a_caller_who_asks_first_is_refused_before_sending(api: Service, target: str) -> None:
    with connect(api.url) as sock:
        sock.sendall(request("POST", target, headers={"Expect": "100-continue", "Content-Length": "100"}))
        assert sock.recv(1000).startswith((b"HTTP/1.1 404", b"HTTP/1.1 422"))


def test_a_connection_goes_on_after_a_refused_body(api: Service) -> None:
    with connect(api.url) as sock:
        sock.sendall(request("POST", CLASSIFY, bytes(1_000_000)))
        assert receive(sock).status == 413
        sock.sendall(WHOLE)
        assert receive(sock).status == 200


def test_a_large_refused_body_does_not_pile_up_in_memory(api: Service) -> None:
    with connect(api.url) as sock:
        sock.sendall(request("POST", CLASSIFY, headers={"Content-Length": str(200_000_000)}))
        assert receive(sock).status == 413
        before = resident_bytes(api)
        assert before > 50_000_000
        for _ in range(100):
            sock.sendall(bytes(1_000_000))
        assert resident_bytes(api) - before < 20_000_000


def resident_bytes(api: Service) -> int:
    """Memory of the worker."""
    with api.client() as client:
        lines = client.get("/metrics").text.splitlines()
    return sum(
        int(float(line.split()[-1])) for line in lines if line.startswith("convoy_process_resident_memory_bytes")
    )


@pytest.mark.parametrize("offer", ["websocket", "h2c"])
def test_an_upgrade_is_declined_by_a_plain_answer(api: Service, offer: str) -> None:
    # Java's client offers HTTP/2 with every request.
    answer = exchange(api.url, [request("POST", CLASSIFY, PICTURE, {"Connection": "Upgrade", "Upgrade": offer})])
    assert answer.status == 200
    assert b'"top-right"' in answer.body


ODD_HEADERS = (
    "Accept: application/openmetrics-text; version=newest",
    "Accept: ;;;q=\xff",
    "Range: bytes=0-3",
    "If-None-Match: *",
    "If-Modified-Since: yesterday",
    "Cookie: " + "c" * 30_000,
    "Authorization: Basic \xff",
    "X-Forwarded-For: \xff, , unknown, 999.999.999.999",
    "X-Forwarded-Proto: \xff",
    "Host: [::1",
    "Content-Type: \xff\xfe",
    "Content-Encoding: identity",
    "Origin: null",
    "TE: trailers, deflate",
    "traceparent: 00-zz",
    "X: " + "\r\nX: ".join("y" * 100),
)


@pytest.mark.parametrize("line", ODD_HEADERS, ids=lambda line: line[:30])
def test_odd_headers_are_no_reason_to_refuse(api: Service, line: str) -> None:
    for method, path, body in (
        ("POST", CLASSIFY, PICTURE),
        ("GET", "/metrics", b""),
        ("GET", "/docs", b""),
        ("GET", "/schema.json", b""),
        ("GET", "/static_content/swagger-ui.css", b""),
    ):
        head, _, rest = request(method, path, body).partition(b"\r\n")
        answer = exchange(api.url, [head + b"\r\n" + line.encode("latin-1") + b"\r\n" + rest])
        assert answer.status == 200, (path, answer.body)


def test_the_whole_address_in_the_request_line_is_understood(api: Service) -> None:
    assert exchange(api.url, [request("GET", f"{api.url}/v1/models")]).status == 200


def test_nothing_is_fetched_for_a_caller(api: Service) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap, api.client() as client:
        trap.settimeout(0.3)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/a.png"
        for target in (CLASSIFY, "/classify", "/cam"):
            statuses = {
                client.post(target, files={"image": (None, url)}).status_code,
                client.post(target, files={"image": ("a.png", PICTURE), "url": (None, url)}).status_code,
                client.post(target, json={"image": url}).status_code,
                client.post(target, json={"image": base64.b64encode(url.encode()).decode()}).status_code,
                client.post(target, content=url, headers={"content-type": "image/png"}).status_code,
                client.post(target, data={"image": url}).status_code,
                exchange(api.url, [request("POST", target, form(('name="image"; filename="a"', url.encode())))]).status,
            }
            assert statuses <= {400, 415, 422}
        with pytest.raises(TimeoutError):
            trap.accept()


def test_httpx_keeps_its_connection_over_good_and_bad_requests(api: Service) -> None:
    with api.client() as client:
        for _ in range(20):
            assert client.post(CLASSIFY, content=PICTURE).status_code == 200
            assert client.post(CLASSIFY, content=b"no").status_code == 400
            assert client.post("/nothing", content=bytes(100_000)).status_code == 404
            with pytest.raises(httpx.HTTPStatusError):
                client.get("/nothing").raise_for_status()
