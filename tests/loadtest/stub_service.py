"""A service that classifies one request at a time, and can be told to be slow, to stall once, or to answer wrongly.

Asked for a map or a mask it answers with classes, which are none.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar


@dataclass
class Behaviour:
    """What the service does; requests are counted from 1."""

    takes_s: float = 0.001
    slow_until: int = 0
    slow_s: float = 0.0
    stall_at: int = 0
    stall_s: float = 0.0
    wrong_from: int = 10**9
    refuse_from: int = 10**9
    odd_from: int = 10**9
    """From here on, answers are what parsers choke upon."""
    answered: int = 0
    lane: threading.Lock = field(default_factory=threading.Lock)

    def time_for(self, number: int) -> float:
        """Seconds for a request."""
        if number == self.stall_at:
            return self.stall_s
        return self.slow_s if number <= self.slow_until else self.takes_s


class _Handler(BaseHTTPRequestHandler):
    behaviour: ClassVar[Behaviour]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path == "/metrics":
            self._send(200, b"# HELP up Nothing more.\nup 1\n")
            return
        model = {"name": "stub", "version": 1, "task": "image-classification", "state": "ready"}
        self._answer(200, {"models": [model]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        behaviour = self.behaviour
        with behaviour.lane:
            behaviour.answered += 1
            number = behaviour.answered
            time.sleep(behaviour.time_for(number))
        if number >= behaviour.refuse_from:
            self._answer(503, {"error": "Too many.", "code": "overloaded"})
            return
        if number >= behaviour.odd_from:
            self._send(200, b"[" * 200_000)
            return
        label = "other" if number >= behaviour.wrong_from else "stub"
        self._answer(200, {"predictions": [{"index": 0, "label": label, "score": 0.9}]})

    def _answer(self, status: int, body: dict[str, object]) -> None:
        self._send(status, json.dumps(body).encode())

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not wait is none of its business."""


@contextmanager
def stub_service(**behaviour: float) -> Iterator[str]:
    """Its URL, for as long as the block runs."""
    handler = type("Handler", (_Handler,), {"behaviour": Behaviour(**behaviour)})  # type: ignore[arg-type]
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
