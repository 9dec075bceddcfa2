"""The locustfile in a process that stands still for five sixths of the time, as on a machine with no core to spare."""

import gevent
from gevent.monkey import get_original
from locust import events

from loadtest.locustfile import Classify, Stages

__all__ = ["Classify", "Stages"]


def _stand_still() -> None:
    sleep = get_original("time", "sleep")
    while True:
        sleep(0.5)
        gevent.sleep(0.1)


def _begin(**_: object) -> None:
    gevent.spawn(_stand_still)


events.test_start.add_listener(_begin)
