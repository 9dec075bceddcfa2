"""A closed-loop HTTP client that is cheap enough not to disturb what it measures: fixed requests over raw sockets."""

import asyncio
import time
from dataclasses import dataclass
from typing import cast

import uvloop

_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Load:
    """What one round of requests saw."""

    seconds: float
    latencies_s: list[float]
    failures: int

    @property
    def per_second(self) -> float:
        """Completed requests per second."""
        return len(self.latencies_s) / self.seconds

    def percentile_ms(self, percent: float) -> float:
        """Latency in milliseconds that `percent` of the requests stayed within."""
        ranked = sorted(self.latencies_s)
        return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))] * 1000


def http_post(path: str, body: bytes, content_type: str) -> bytes:
    """The bytes of one keep-alive request."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {content_type}"]
    lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join([*lines, "", ""])
    return head.encode() + body


def drive(port: int, requests: list[bytes], *, concurrency: int, seconds: float) -> Load:
    """Send the requests in turn over `concurrency` connections for a fixed time; each waits for its answer."""
    return uvloop.run(_drive(port, requests, concurrency, seconds))


async def _drive(port: int, requests: list[bytes], concurrency: int, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    ends = started + seconds
    connections = []
    for number in range(concurrency):
        _, connection = await loop.create_connection(
            lambda number=number: _Connection(requests, number, ends),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
        connections.append(connection)
    async with asyncio.timeout(seconds + _PATIENCE_S):
        await asyncio.gather(*(connection.finished for connection in connections))
    latencies = [latency for connection in connections for latency in connection.latencies_s]
    return Load(time.perf_counter() - started, latencies, sum(connection.failures for connection in connections))


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last is complete."""

    def __init__(self, requests: list[bytes], first: int, ends: float) -> None:
        self.latencies_s: list[float] = []
        self.failures = 0
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._next = first
        self._ends = ends
        self._answer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has the methods, not the base class
        self._send()

    def data_received(self, data: bytes) -> None:
        """Collect an answer; when it is whole, note its latency and go on."""
        self._answer += data
        head, separator, body = self._answer.partition(b"\r\n\r\n")
        if not separator:
            return
        lower = head.lower()
        start = lower.index(b"content-length:") + len(b"content-length:")
        end = lower.find(b"\r\n", start)
        if len(body) < int(lower[start : end if end >= 0 else None]):
            return
        now = time.perf_counter()
        self.latencies_s.append(now - self._sent)
        self.failures += not head.startswith(b"HTTP/1.1 200")
        self._answer = b""
        if now >= self._ends:
            self._transport.close()
            self.finished.set_result(None)
        else:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection that ends early ends the round with what it has."""
        if not self.finished.done():
            self.failures += 1
            self.finished.set_result(None)

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += 1
