"""A steady stream of requests, and what became of each."""

import http.client
import select
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_TIMEOUT_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Call:
    """One kind of request."""

    path: str
    body: bytes
    expected: bytes
    """What a right answer contains."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A request without a right answer."""

    began_s: float
    """By the monotonic clock."""
    answered: bool
    """Whether an answer began to come: without one nobody may have been there to take the request."""
    wrong: str


@dataclass(kw_only=True)
class Traffic:
    """What the callers have seen so far."""

    answered: int = 0
    failures: list[Failure] = field(default_factory=list)
    longest_s: float = 0.0
    """Of the right answers."""

    @property
    def asked(self) -> int:
        """Requests that have come to an end, one way or the other."""
        return self.answered + len(self.failures)


def told(failures: Sequence[Failure]) -> str:
    """What was wrong, and how often."""
    counts = Counter(failure.wrong for failure in failures)
    return ", ".join(f"{count} times {wrong}" for wrong, count in counts.most_common())


@contextmanager
def steady(host: str, port: int, calls: Sequence[Call], *, callers: int, per_second: float) -> Iterator[Traffic]:
    """Keep asking, `per_second` times a second in all, over one kept connection per caller."""
    traffic = Traffic()
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
            answered, wrong = _asked(connection, call)
            with lock:
                if wrong:
                    traffic.failures.append(Failure(began_s=began_s, answered=answered, wrong=wrong))
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


def _asked(connection: http.client.HTTPConnection, call: Call) -> tuple[bool, str]:
    """Whether an answer began to come, and what was wrong, which is empty if nothing was."""
    # As every pool of connections does it: one that was closed while nothing was under way is opened anew.
    if connection.sock is not None and select.select([connection.sock], [], [], 0)[0]:
        connection.close()
    answer = None
    try:
        # An answer may be there all the same, of one that did not wait for the whole body.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request("POST", call.path, call.body)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return answer is not None, type(error).__name__
    right = answer.status == 200 and call.expected in body
    return True, "" if right else f"{answer.status} {body[:100]!r}"
