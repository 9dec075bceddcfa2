"""Sends requests when they are due, whether or not earlier ones have been answered, and notes what becomes of them.

The latency of a request runs from the moment at which it was due, not from the one at which it could be sent: a caller
who has to wait because the server, or this generator, is behind has waited (Tene's "coordinated omission").
"""

import errno
import resource
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import gevent
import psutil
from gevent.pool import Pool
from geventhttpclient.client import HTTPClient, HTTPClientPool
from locust.env import Environment

from loadtest.results.rows import Rows, outcome_of
from loadtest.traffic.answers import Question, answered, code_in, problem_with

PATIENCE_S = 15.0
"""An answer that takes longer is not waited for; the service's own deadline is 10 seconds."""
_MOST_OUTSTANDING = 8000
# Sockets to the master, files of Locust's own.
_SPARE_DESCRIPTORS = 16
# What this machine lacks, and not the service.
_NO_SOCKET = (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL)


class Failed(Exception):
    """A request that did not get the right answer, for Locust's statistics."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    """0: nothing."""
    body: bytes = b""
    why: str | None = None
    """Why there is no status."""
    sent: bool = True
    """False where this process could not get a socket."""


def most_outstanding() -> int:
    """Requests that may be unanswered at a time, for each takes a file descriptor; where there are more, they wait."""
    limit: int = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return _MOST_OUTSTANDING
    taken: int = psutil.Process().num_fds()
    return max(1, min(_MOST_OUTSTANDING, limit - taken - _SPARE_DESCRIPTORS))


def new_client(url: str, most: int) -> HTTPClient:
    """Up to `most` connections to a service, which all requests of this process share."""
    pool = HTTPClientPool(concurrency=most, connection_timeout=PATIENCE_S, network_timeout=PATIENCE_S, insecure=True)
    return pool.get_client(url)


class OpenLoop:
    """The requests of one process that are under way."""

    def __init__(self, environment: Environment, client: HTTPClient, rows: Rows, most: int) -> None:
        self._events = environment.events
        self._client = client
        self._rows = rows
        self._pool = Pool(most)
        self._begun = self._noted = 0
        # Due moments are told by a clock that nobody sets; rows carry the time of day.
        self._epoch_s = time.time() - time.perf_counter()

    @property
    def outstanding(self) -> int:
        """Requests that were sent and of which nothing has been noted yet."""
        return self._begun - self._noted

    def send(self, question: Question, due: float) -> None:
        """Send a request in a greenlet of its own; waits only where too many are outstanding.

        Args:
            question: What to ask.
            due: The moment at which it was due, on the clock of `time.perf_counter`.
        """
        self._pool.spawn(self._ask, question, due)
        self._begun += 1

    def unsent(self, question: Question, due: float) -> None:
        """Note a request that was due and will never be sent."""
        self._rows.add(question.endpoint, "unsent", due_s=due + self._epoch_s, late_s=0.0, latency_s=0.0)

    def close(self) -> None:
        """Wait for what is outstanding, then close all connections: whoever writes the report needs descriptors too."""
        self._pool.join(timeout=PATIENCE_S + 1)
        self._client.close()

    def at_rest(self, question: Question) -> Question:
        """The question with the answer that it gets while nothing else is going on.

        Raises:
            Failed: it gets no right answer even now.
        """
        reply = self._request(question)
        problem = reply.why or problem_with(question, reply.body)
        if outcome_of(reply.status, problem) != "ok":
            shown = f"{reply.status} {reply.body[:200].decode(errors='replace')}" if reply.status else ""
            raise Failed(f"{question.path} does not answer {question.picture.name} well: {problem or shown}.")
        return answered(question, reply.body)

    def _ask(self, question: Question, due: float) -> None:
        late_s = time.perf_counter() - due
        reply = self._request(question)
        if not reply.sent:
            self.unsent(question, due)
            self._noted += 1
            return
        latency_s = time.perf_counter() - due
        why, code = reply.why, None
        if reply.status == HTTPStatus.OK:
            why = problem_with(question, reply.body)
        elif reply.status == HTTPStatus.SERVICE_UNAVAILABLE:
            code = code_in(reply.body)
        outcome = outcome_of(reply.status, why, code=code)
        due_s = due + self._epoch_s
        self._rows.add(question.endpoint, outcome, due_s=due_s, late_s=late_s, latency_s=latency_s)
        self._noted += 1
        self._events.request.fire(
            request_type="POST",
            name=question.endpoint,
            response_time=latency_s * 1000,
            response_length=len(reply.body),
            exception=None if outcome == "ok" else Failed(f"{outcome}: {why or reply.status}"),
            context={},
            response=None,
            start_time=due_s,
            url=question.path,
        )

    def _request(self, question: Question) -> Reply:
        headers: dict[str, Any] = {"Content-Type": question.picture.media_type}
        try:
            with gevent.Timeout(PATIENCE_S, TimeoutError(f"no answer within {PATIENCE_S:g} s")):
                response = self._client.request("POST", question.path, question.picture.data, headers)
                return Reply(response.status_code, bytes(response.read()))
        except (Exception, gevent.Timeout) as error:  # what the client cannot make out is no answer either
            lacking = isinstance(error, OSError) and error.errno in _NO_SOCKET
            return Reply(0, why=f"{type(error).__name__}: {error}".removesuffix("."), sent=not lacking)
