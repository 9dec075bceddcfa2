"""uvicorn's HTTP/1.1 protocol with an answer of our own shape to what is not HTTP, and bounds on a request's head.

uvicorn by itself answers broken requests in plain text, hands WebSocket upgrades to another protocol, drops the body
of a request that offers any other upgrade (Java's client offers HTTP/2 with each), reads a head of any size (50 MB of
short headers became 800 MB of memory) and waits for its end for ever.
"""

import asyncio
import sys
import time
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.http.request import BODY_ARRIVED, new_request_id
from service.http.responses import error_response

NAME = f"{__name__}:Protocol"
"""How uvicorn is told of it."""

HEAD_AT_MOST_BYTES = 64 * 1024
"""Request line and headers; kept to within one read of the socket, so a little more may pass."""

# The sender of a refused request gets this long to read the answer: closing at once would reset the connection
# under what it still sends, and the answer would be lost.
_LINGER_S = 2.0

_UPGRADE_HEADERS = frozenset({b"connection", b"upgrade", b"http2-settings"})


class Protocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_open = False
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._refused = False
        self._upgrade_at: int | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection that never sends a whole head is closed like one that is idle."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(self.timeout_keep_alive, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to wait for."""
        self._stop_head_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; what follows a refused request is dropped."""
        if self._refused:
            return
        super().data_received(data)
        # After parsing, so that a head that came whole is not looked at: that is nearly every head there is.
        if self._upgrade_at is not None:
            self._go_on_without_upgrade(data[self._upgrade_at :])
        elif self._head_open:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_AT_MOST_BYTES:
                self._refuse(f"The head of the request is larger than the {HEAD_AT_MOST_BYTES} bytes that are allowed.")
            elif self._head_timer is None:
                self._head_timer = self.loop.call_later(self.timeout_keep_alive, self.transport.close)

    def on_message_begin(self) -> None:
        """The first byte of a head."""
        super().on_message_begin()
        self._head_open = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """The last byte of a head; one with an upgrade is put aside by uvicorn, see `_go_on_without_upgrade`."""
        self._head_open = False
        self._stop_head_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The last byte of a body, which mostly comes with the head, before anybody has asked for it."""
        super().on_message_complete()
        self.scope[BODY_ARRIVED] = time.perf_counter()  # type: ignore[literal-required]

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls when the parser gives up."""
        self._refuse("The request is not valid HTTP/1.1.")

    def _should_upgrade(self) -> bool:
        """Every offer is taken up, in our way; asked only where there is one."""
        return True

    def handle_websocket_upgrade(self) -> None:
        """What uvicorn calls when a head with an upgrade has ended and the parser has stopped."""
        stopped = sys.exception()
        assert isinstance(stopped, httptools.HttpParserUpgrade)
        self._upgrade_at = stopped.args[0]

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Read the request again as if it had offered none, which is how a server declines."""
        self._upgrade_at = None
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse("This is no proxy.")
            return
        head = [method + b" " + self.url + b" HTTP/" + self.parser.get_http_version().encode()]
        head += [name + b": " + value for name, value in self.headers if name not in _UPGRADE_HEADERS]
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join(head) + b"\r\n\r\n" + rest)

    def _refuse(self, message: str) -> None:
        if self._refused:
            return
        self._refused = True
        self._head_open = False
        self.pipeline.clear()
        if self.cycle is not None and not self.cycle.response_complete:
            if not self.cycle.more_body:
                # A whole request is still being worked on: its caller gets that answer, and then the connection ends.
                self.cycle.keep_alive = False
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        response = error_response("bad_request", message)
        lines = [
            b"HTTP/1.1 400 Bad Request",
            b"content-type: " + response.media_type.encode(),
            b"content-length: %d" % len(response.body),
            b"x-request-id: " + new_request_id().encode(),
            b"connection: close",
        ]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + response.body)
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.loop.call_later(_LINGER_S, self.transport.close)
        else:
            self.transport.close()

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
