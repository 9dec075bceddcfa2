"""HTTP callers in threads: what each saw, and when."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

_TIMEOUT_S = 40.0
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; times are time.monotonic() seconds."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """From the first byte sent to the last one received."""
        return self.ended - self.began

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The error's code; None for an answer that is none."""
        return self.json["code"] if self.status >= 400 else None


class Caller:
    """One keep-alive connection, opened anew where the service has closed it."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=_TIMEOUT_S)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """Send one request and read its answer; header names are written with underscores."""
        began = time.monotonic()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, body, named)
        response = self._connection.getresponse()
        text = response.read()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, found, text, began, time.monotonic())

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def all_at_once(calls: int, call: Callable[[int], Result]) -> list[Result]:
    """`call(0)`, `call(1)`, ... in a thread each; they start together."""
    together = threading.Barrier(calls)

    def one(index: int) -> Result:
        together.wait(_TIMEOUT_S)
        return call(index)

    with ThreadPoolExecutor(calls) as pool:
        return list(pool.map(one, range(calls)))


@contextmanager
def repeating(
    url: str,
    method: str,
    path: str,
    body: bytes | None = None,
    *,
    kind: str = "application/octet-stream",
    pause_s: float = 0.0,
) -> Iterator[list[Reply]]:
    """Ask the same again and again in a thread of its own; the replies so far, complete when the block has ended."""
    replies: list[Reply] = []
    troubles: list[Exception] = []
    stop = threading.Event()

    def go_on() -> None:
        caller = Caller(url)
        try:
            while not stop.wait(pause_s):
                replies.append(caller.ask(method, path, body, content_type=kind))
        except Exception as error:
            troubles.append(error)
        finally:
            caller.close()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield replies
    finally:
        stop.set()
        thread.join(_TIMEOUT_S)
    if troubles:
        raise troubles[0]
