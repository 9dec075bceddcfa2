"""The locustfile in a process that loses a request now and then, and waits for none of them for long."""

import itertools

import gevent

from loadtest.locustfile import Classify, Stages
from loadtest.traffic import open_loop, shape
from loadtest.traffic.answers import Question, problem_with

__all__ = ["Classify", "Stages"]

_numbers = itertools.count(1)


def _lose(question: Question, body: bytes) -> str | None:
    if next(_numbers) % 20 == 0:
        raise gevent.GreenletExit
    return problem_with(question, body)


vars(open_loop)["problem_with"] = _lose
shape._ANSWERED_WITHIN_S = 1.0
