"""Sends requests when they are due, whether or not earlier ones have been answered, and notes what becomes of them.

The latency of a request runs from the moment at which it was due, not from the one at which it could be sent: a caller
who has to wait because the server, or this generator, is behind has waited (Tene's "coordinated omission").
"""

import time
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import gevent
from gevent.pool import Pool
from geventhttpclient.client import HTTPClient, HTTPClientPool
from locust.contrib.fasthttp import FAILURE_EXCEPTIONS
from locust.env import Environment

from loadtest.results.rows import Rows, outcome_of
from loadtest.traffic.answers import Question, label_in, problem_with

PATIENCE_S = 15.0
"""An answer that takes longer is not waited for; the service's own deadline is 10 seconds."""
MOST_OUTSTANDING = 8000
"""Where so many requests are unanswered, the next ones are late: a process has only so many sockets."""


class Failed(Exception):
    """A request that did not get the right answer, for Locust's statistics."""


def new_client_pool() -> HTTPClientPool:
    """Connections that all requests of this process share."""
    return HTTPClientPool(
        concurrency=MOST_OUTSTANDING, connection_timeout=PATIENCE_S, network_timeout=PATIENCE_S, insecure=True
    )


class OpenLoop:
    """The requests of one process that are under way."""

    def __init__(self, environment: Environment, client: HTTPClient, rows: Rows) -> None:
        self._events = environment.events
        self._client = client
        self._rows = rows
        self._pool = Pool(MOST_OUTSTANDING)
        # Due moments are told by a clock that nobody sets; rows carry the time of day.
        self._epoch_s = time.time() - time.perf_counter()

    @property
    def outstanding(self) -> int:
        """Requests that were sent and have neither been answered nor given up."""
        return len(self._pool)

    def send(self, question: Question, due: float) -> None:
        """Send a request in a greenlet of its own; waits only where too many are outstanding.

        Args:
            question: What to ask.
            due: The moment at which it was due, on the clock of `time.perf_counter`.
        """
        self._pool.spawn(self._ask, question, due)

    def unsent(self, question: Question, due: float) -> None:
        """Note a request that was due and will never be sent."""
        self._rows.add(question.endpoint, "unsent", due_s=due + self._epoch_s, late_s=0.0, latency_s=0.0)

    def drain(self) -> None:
        """Wait for what is outstanding."""
        self._pool.join(timeout=PATIENCE_S + 1)

    def at_rest(self, question: Question) -> Question:
        """The question with the label that it gets while nothing else is going on.

        Raises:
            Failed: it gets no right answer even now.
        """
        status, body, why = self._request(question)
        problem = why or problem_with(question, body)
        if outcome_of(status, problem) != "ok":
            shown = f"{status} {body[:200].decode(errors='replace')}" if status else ""
            raise Failed(f"{question.path} does not answer {question.picture.name} well: {problem or shown}.")
        return replace(question, label=label_in(body)) if question.endpoint == "classify" else question

    def _ask(self, question: Question, due: float) -> None:
        late_s = time.perf_counter() - due
        status, body, why = self._request(question)
        latency_s = time.perf_counter() - due
        if why is None and status == HTTPStatus.OK:
            why = problem_with(question, body)
        outcome = outcome_of(status, why)
        due_s = due + self._epoch_s
        self._rows.add(question.endpoint, outcome, due_s=due_s, late_s=late_s, latency_s=latency_s)
        self._events.request.fire(
            request_type="POST",
            name=question.endpoint,
            response_time=latency_s * 1000,
            response_length=len(body),
            exception=None if outcome == "ok" else Failed(f"{outcome}: {why or status}"),
            context={},
            response=None,
            start_time=due_s,
            url=question.path,
        )

    def _request(self, question: Question) -> tuple[int, bytes, str | None]:
        """Status (0: none), body, and why there is no status."""
        headers: dict[str, Any] = {"Content-Type": question.picture.media_type}
        try:
            with gevent.Timeout(PATIENCE_S, TimeoutError(f"no answer within {PATIENCE_S:g} s")):
                response = self._client.request("POST", question.path, question.picture.data, headers)
                return response.status_code, bytes(response.read()), None
        except FAILURE_EXCEPTIONS as error:
            return 0, b"", f"{type(error).__name__}: {error}"
