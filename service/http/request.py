"""A request as the handlers see it, and the bounded reading of its body."""

import asyncio
import contextlib
import random
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from service.errors import BadRequest, ConvoyError, InvalidParameter, TooLarge, UnsupportedMedia
from service.http.inflow import Inflow

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


# More of them are no length, and Python refuses to turn thousands of digits into a number.
_DIGITS = re.compile("[0-9]{1,18}")

BODY_ARRIVED = "convoy.body_arrived"
"""Key of a scope whose body the server has taken in to its end, at that time.perf_counter(): receiving it does not
wait."""


class UploadTimeout(ConvoyError):
    """The body did not arrive in time."""

    code = "upload_timeout"


class ClientGone(Exception):
    """The caller hung up; there is nobody to answer."""

    code = "client_gone"


def new_request_id() -> str:
    """128 random bits in hexadecimal: to tell requests apart, not to keep a secret."""
    return f"{random.getrandbits(128):032x}"


class Request:
    """One HTTP request; `route`, `parameters`, `model`, `body_bytes` and `arrived` are filled in on the way."""

    __slots__ = (
        "_ended",
        "_headers",
        "_inflow",
        "_receive",
        "afterwards",
        "arrived",
        "body_bytes",
        "id",
        "method",
        "model",
        "parameters",
        "path",
        "route",
        "scope",
        "started",
    )

    def __init__(self, scope: Scope, receive: Receive, request_id: str) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.id = request_id
        self.started = time.perf_counter()
        self.route = ""
        self.parameters: dict[str, str] = {}
        self.model: tuple[str, int] | None = None
        self.body_bytes = 0
        self.arrived: float | None = None
        """When the last byte of the body came, by time.perf_counter(), and not before `started`; None where the body
        was not read to its end."""
        self.afterwards: Callable[[], None] | None = None
        """Called once the answer is on its way."""
        self._headers: list[tuple[bytes, bytes]] = scope["headers"]
        self._receive = receive
        self._inflow: Inflow | None = None
        self._ended = False
        """Whether the whole body has been taken in: nothing is received after its end but the caller's good-bye."""

    def header(self, name: bytes) -> str | None:
        """The first header of a lower-case name."""
        for key, value in self._headers:
            if key == name:
                return value.decode("latin-1")
        return None

    def query(self, allowed: frozenset[str]) -> dict[str, str]:
        """The query's parameters.

        Raises:
            BadRequest: the query is not valid UTF-8.
            InvalidParameter: a name is given twice, or is not one of `allowed`.
        """
        raw: bytes = self.scope["query_string"]
        if not raw:
            return {}
        try:
            pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
        except ValueError:
            raise BadRequest("The query string cannot be read.") from None
        values: dict[str, str] = {}
        for name, value in pairs:
            if name not in allowed:
                known = f"there is {', '.join(sorted(allowed))}" if allowed else "this path takes none"
                raise InvalidParameter(f"There is no parameter {name[:40]!r} here; {known}.")
            if name in values:
                raise InvalidParameter(f"Parameter {name!r} is given twice.")
            values[name] = value
        return values

    @property
    def declared_bytes(self) -> int | None:
        """The body's size by its Content-Length; None where it comes in chunks."""
        text = self.header(b"content-length")
        return int(text) if text is not None and _DIGITS.fullmatch(text) else None

    @property
    def ends_connection(self) -> bool:
        """Whether the connection is closed after the answer: HTTP/1.0, or the caller's wish."""
        return self.scope["http_version"] == "1.0" or "close" in (self.header(b"connection") or "").lower()

    async def drop_rest(self, *, timeout_s: float) -> None:
        """Read and drop what is left of the body, for that long at most.

        On a connection that stays open the server does so itself. One that is closed before the body has arrived is
        reset, and the sender, who still writes, never sees the answer.
        """
        if self.header(b"expect") is not None:
            return  # it waits to be told to send, and never will be
        with contextlib.suppress(UploadTimeout):
            ends = time.monotonic() + timeout_s
            while not self._ended:
                await self._next(ends - time.monotonic())

    async def body(self, *, max_bytes: int, timeout_s: float, inflow: Inflow) -> bytes:
        """The whole body; what does not come at once counts in `inflow` until `let_go` is called.

        Raises:
            UnsupportedMedia: it is compressed as a whole.
            TooLarge: more than `max_bytes`, by its Content-Length or, where it comes in chunks, by its count.
            Overloaded: other bodies take all the memory that there is for bodies.
            UploadTimeout: it did not arrive within `timeout_s`.
            ClientGone: the connection ended first.
        """
        encoding = self.header(b"content-encoding")
        if encoding is not None and encoding.strip().lower() not in ("", "identity"):
            raise UnsupportedMedia(f"A body with Content-Encoding {encoding[:40]!r} is not taken; send it as it is.")
        declared = self.declared_bytes
        if declared is not None and declared > max_bytes:
            raise self._over(max_bytes)
        message = await self._next(timeout_s)
        body: bytes = message.get("body", b"")
        if not message.get("more_body"):
            # The usual case, one message, is spared the list and the join.
            self.body_bytes = len(body)
            self._note_arrival()
            if len(body) > max_bytes:
                raise self._over(max_bytes)
            return body
        inflow.take(len(body))
        self._inflow = inflow
        self.body_bytes = len(body)
        chunks = [body]
        ends = time.monotonic() + timeout_s
        while message.get("more_body"):
            if self.body_bytes > max_bytes:
                raise self._over(max_bytes)
            message = await self._next(ends - time.monotonic())
            chunk = message.get("body", b"")
            inflow.take(len(chunk))
            self.body_bytes += len(chunk)
            chunks.append(chunk)
        self._note_arrival()
        if self.body_bytes > max_bytes:
            raise self._over(max_bytes)
        return b"".join(chunks)

    def let_go(self) -> None:
        """The request has ended; its body counts no longer."""
        if self._inflow is not None:
            self._inflow.give_back(self.body_bytes)
            self._inflow = None

    async def gone(self) -> None:
        """Wait until the caller hangs up; to be awaited once the body is there.

        Raises:
            ClientGone: always, when it has happened.
        """
        while (await self._receive())["type"] != "http.disconnect":
            pass
        raise ClientGone

    async def _next(self, timeout_s: float) -> Message:
        if BODY_ARRIVED in self.scope:
            message = await self._receive()  # without a timeout, which costs more than the waiting that there is not
        else:
            try:
                async with asyncio.timeout(timeout_s):
                    message = await self._receive()
            except TimeoutError:
                raise UploadTimeout("The body did not arrive in time.") from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        self._ended = not message.get("more_body")
        return message

    def _note_arrival(self) -> None:
        # With a small body all of it comes with the head, before there is a task to answer it.
        self.arrived = max(self.started, self.scope.get(BODY_ARRIVED) or time.perf_counter())

    @staticmethod
    def _over(max_bytes: int) -> TooLarge:
        return TooLarge(f"The body is larger than the {max_bytes} bytes that are allowed.")
