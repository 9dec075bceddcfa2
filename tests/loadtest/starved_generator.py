"""The locustfile in a process that, after a moment, gets no more sockets than it has."""

import resource

import gevent
import psutil
from locust import events

from loadtest.locustfile import Classify, Stages

__all__ = ["Classify", "Stages"]


def _starve() -> None:
    gevent.sleep(1)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (psutil.Process().num_fds(), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )


def _begin(**_: object) -> None:
    gevent.spawn(_starve)


events.test_start.add_listener(_begin)
