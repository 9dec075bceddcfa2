"""A steady stream of requests, and what became of each."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

_TIMEOUT_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Call:
    """One kind of request."""

    path: str
    body: bytes
    expected: bytes
    """What a right answer contains."""


@dataclass(kw_only=True)
class Traffic:
    """What the callers have seen so far."""

    callers: int
    answered: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    """What was wrong, and how often."""
    longest_s: float = 0.0
    """Of the right answers."""

    @property
    def failed(self) -> int:
        """Requests without a right answer."""
        return self.failures.total()


@contextmanager
def steady(host: str, port: int, calls: Sequence[Call], *, callers: int, per_second: float) -> Iterator[Traffic]:
    """Keep asking, `per_second` times a second in all, over one kept connection per caller."""
    traffic = Traffic(callers=callers)
    stop, lock = threading.Event(), threading.Lock()
    pause_s = callers / per_second

    def ask(number: int) -> None:
        connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
        turn = number
        due_s = time.monotonic() + pause_s * number / callers
        while not stop.wait(max(0.0, due_s - time.monotonic())):
            due_s = max(due_s + pause_s, time.monotonic())
            call = calls[turn % len(calls)]
            turn += 1
            began_s = time.monotonic()
            try:
                connection.request("POST", call.path, call.body)
                answer = connection.getresponse()
                body = answer.read()
                wrong = "" if answer.status == 200 and call.expected in body else f"{answer.status} {body[:100]!r}"
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                wrong = type(error).__name__
            with lock:
                if wrong:
                    traffic.failures[wrong] += 1
                else:
                    traffic.answered += 1
                    traffic.longest_s = max(traffic.longest_s, time.monotonic() - began_s)
        connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield traffic
    finally:
        stop.set()
        for thread in threads:
            thread.join()
