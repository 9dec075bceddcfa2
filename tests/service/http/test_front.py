"""The whole way of a request but for models: whatever comes in, one of two shapes goes out."""

import asyncio
import io
import json
import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from service.http.front import Front
from service.http.inflow import Inflow
from service.http.metrics.requests import RequestMetrics
from service.http.parameters import CLASSIFY_PARAMETERS
from service.http.pictures import extract
from service.http.request import Message, Receive, Request, Scope, Send
from service.http.responses import STATUS_OF_CODE, Response, json_response
from service.http.routes import Route, Router
from service.logs import AccessLog
from tests.service.http.strategies import CONTENT_TYPES, MAX_IMAGES, bodies, paths, queries


async def _handle(request: Request) -> Response:
    values = request.query(CLASSIFY_PARAMETERS)
    body = await request.body(max_bytes=300, timeout_s=1, inflow=Inflow(300))
    upload = extract(body, request.header(b"content-type"), max_images=MAX_IMAGES)
    return json_response({"values": values, "images": len(upload.images), "parameters": request.parameters})


ROUTES = [
    Route("/", {"GET": _handle}),
    Route("/fixed", {"POST": _handle}),
    Route("/{name}/a", {"POST": _handle}),
    Route("/{name}/versions/{version}", {"POST": _handle, "GET": _handle}),
]


async def _framework(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("requests stay in front of the framework")


@pytest.fixture(scope="module")
def front() -> Front:
    """The whole way of a request, but for models."""
    return Front(_framework, Router(ROUTES), RequestMetrics(CollectorRegistry()), None)


header_values = st.binary(max_size=40).filter(lambda value: not set(value) & {0, 10, 13})
headers = st.lists(
    st.tuples(
        st.sampled_from(
            [b"content-type", b"content-length", b"x-request-id", b"connection", b"expect", b"content-encoding"]
        )
        | header_values,
        header_values
        | st.sampled_from([kind.encode() for kind in CONTENT_TYPES])
        | st.integers().map(lambda n: b"%d" % n),
    ),
    max_size=4,
)


PLAIN: dict[str, Any] = {
    "method": "POST",
    "path": "/fixed",
    "query": b"",
    "pieces": [],
    "version": "1.1",
    "gone": False,
}


@example(headers=[(b"content-length", "²".encode("latin-1"))], **PLAIN)
@example(headers=[(b"content-length", b"9" * 5000)], **PLAIN)
@settings(max_examples=800, deadline=None)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "BREW"]),
    path=paths,
    query=queries,
    headers=headers,
    pieces=st.lists(bodies, max_size=3),
    version=st.sampled_from(["1.0", "1.1"]),
    gone=st.booleans(),
)
def test_any_request_is_answered_in_one_of_two_shapes(front: Front, gone: bool, **request: Any) -> None:
    sent = asyncio.run(_exchange(front, gone=gone, **request))
    if not sent:
        assert gone
        return
    start, body = sent
    assert start["status"] == 200 or start["status"] in STATUS_OF_CODE.values()
    assert start["status"] < 500
    given_headers = dict(start["headers"])
    assert given_headers[b"content-type"] == b"application/json"
    assert re.fullmatch(rb"[!-~]{1,128}", given_headers[b"x-request-id"])
    if request["method"] == "HEAD":
        assert body["body"] == b""
    else:
        answer = json.loads(body["body"])
        assert len(body["body"]) == int(given_headers[b"content-length"])
        if start["status"] != 200:
            assert list(answer) == ["error", "code"]
            assert STATUS_OF_CODE[answer["code"]] == start["status"]


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        ([], None),
        ([b""], ""),
        ([b"203.0.113.7, 198.51.100.1"], "203.0.113.7, 198.51.100.1"),
        ([b"made up", b"203.0.113.7"], "made up, 203.0.113.7"),
        ([b"x" * 5000, b"203.0.113.7"], "x" * 187 + ", 203.0.113.7"),
        (["ä\x1b".encode("latin-1")], "ä\x1b"),
    ],
)
def test_the_log_says_for_whom_a_proxy_asks(sent: list[bytes], logged: str | None) -> None:
    stream = io.BytesIO()
    access_log = AccessLog(stream)
    front = Front(_framework, Router(ROUTES), RequestMetrics(CollectorRegistry()), access_log)
    headers = [(b"x-forwarded-for", value) for value in sent]
    asyncio.run(_exchange(front, headers=headers, **PLAIN))
    access_log.close()
    line = json.loads(stream.getvalue())
    assert (line["forwarded_for"], line["client"]) == (logged, None)


async def _exchange(
    front: Front,
    *,
    method: str,
    path: str,
    query: bytes,
    headers: list[tuple[bytes, bytes]],
    pieces: list[bytes],
    version: str,
    gone: bool,
) -> list[Message]:
    """The messages that come back; with `gone`, the caller hangs up before the end of the body."""
    messages: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.disconnect"} if gone else {"type": "http.request", "body": b"", "more_body": False})
    sent: list[Message] = []

    async def receive() -> Message:
        if not messages:
            await asyncio.sleep(60)  # as a server does until the caller hangs up
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": headers,
        "http_version": version,
    }
    await asyncio.wait_for(front(scope, receive, send), 5)
    return sent
