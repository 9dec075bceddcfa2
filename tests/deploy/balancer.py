"""HAProxy itself with the project's configuration, in front of replicas that do what a test wants of them."""

import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.check.stack import ready_servers
from tests.deploy.rule_files import DEPLOY
from tests.service.live.running import free_port

CONFIG = DEPLOY / "haproxy/haproxy.cfg"
_START_S = 20.0
_STOP_S = 20.0


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a health check ends with a reset connection."""


@dataclass
class Replica:
    """A server that says it is ready, and keeps what it was asked."""

    answer: Callable[[], bytes | None] = field(default=lambda: b"fine")
    """The body of an answer to anything but a health check; none: it hangs up without a word."""
    asked: list[tuple[str, list[str]]] = field(default_factory=list)
    """Path and values of X-Forwarded-For of what came, health checks left out."""
    server: ThreadingHTTPServer = field(init=False)

    def __post_init__(self) -> None:
        replica = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.headers["Host"] == "convoy":
                    self._say(b"ready")
                    return
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                replica.asked.append((self.path, self.headers.get_all("X-Forwarded-For", [])))
                body = replica.answer()
                if body is None:
                    self.close_connection = True
                else:
                    self._say(body)

            def do_POST(self) -> None:
                self.do_GET()

            def _say(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                pass

        self.server = _Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def stop(self) -> None:
        """Refuse connections from now on."""
        self.server.shutdown()
        self.server.server_close()


@dataclass(frozen=True)
class Balancer:
    """A running HAProxy."""

    port: int
    operation: int
    """The port with its own metrics and /livez."""
    process: "subprocess.Popen[bytes]"

    def ask(
        self, path: str, *, method: str = "GET", body: bytes = b"", claimed: str | None = None
    ) -> tuple[int, bytes]:
        """Status and body of one answer, on a connection of its own.

        The path is sent as it is written, `claimed` as X-Forwarded-For.
        """
        answer, content = self.answer(path, method=method, body=body, claimed=claimed)
        return answer.status, content

    def answer(
        self, path: str, *, method: str = "GET", body: bytes = b"", claimed: str | None = None
    ) -> tuple[HTTPResponse, bytes]:
        """The same, with its headers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.putrequest(method, path)
        connection.putheader("Content-Length", str(len(body)))
        if claimed is not None:
            connection.putheader("X-Forwarded-For", claimed)
        connection.endheaders(body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer, content

    def under_way(self) -> int:
        """How many requests its replicas have from it."""
        connection = HTTPConnection("127.0.0.1", self.operation, timeout=5)
        connection.request("GET", "/metrics?scope=server")
        text = connection.getresponse().read().decode()
        connection.close()
        counts = re.findall(r'^haproxy_server_current_sessions\{proxy="replicas",.*\} (\d+)$', text, re.MULTILINE)
        assert counts
        return sum(map(int, counts))


@contextmanager
def running_balancer(folder: Path, replicas: list[Replica]) -> Iterator[Balancer]:
    """HAProxy in front of these, once it takes all of them for ready; without it the test is skipped."""
    program = shutil.which("haproxy")
    if program is None:
        pytest.skip("haproxy is not installed (Debian's package haproxy has it)")
    port, operation = free_port(), free_port()
    path = folder / "haproxy.cfg"
    path.write_text(_on_this_machine(CONFIG.read_text(), port, operation, replicas))
    log = folder / "log"
    with log.open("wb") as output:
        # As the image starts it.
        process = subprocess.Popen([program, "-W", "-db", "-f", str(path)], stdout=output, stderr=output)
    try:
        ends = time.monotonic() + _START_S
        while _ready(operation) != len(replicas):
            if time.monotonic() > ends or process.poll() is not None:
                raise RuntimeError(f"haproxy did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.05)
        yield Balancer(port, operation, process)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(_STOP_S)
        for replica in replicas:
            replica.stop()


def _on_this_machine(config: str, port: int, operation: int, replicas: list[Replica]) -> str:
    """The configuration with free ports, and with addresses where the network's DNS has a name."""
    servers = "".join(f"    server replica{number} 127.0.0.1:{each.port}\n" for number, each in enumerate(replicas, 1))
    for pattern, replacement in (
        (r"bind :8080$", f"bind 127.0.0.1:{port}"),
        (r"bind :8404$", f"bind 127.0.0.1:{operation}"),
        (r" resolvers network init-addr none", ""),
        (r"^    server-template .*\n", servers),
    ):
        config, count = re.subn(pattern, replacement, config, flags=re.MULTILINE)
        assert count == 1, pattern
    return config


def _ready(operation: int) -> int:
    """How many replicas it would send something to, -1 before it answers."""
    connection = HTTPConnection("127.0.0.1", operation, timeout=2)
    try:
        connection.request("GET", "/metrics?scope=server")
        text = connection.getresponse().read().decode()
    except (OSError, HTTPException):
        return -1
    finally:
        connection.close()
    return ready_servers(text)
