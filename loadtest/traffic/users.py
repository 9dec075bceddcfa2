"""Locust's users: each is a stream of requests at a rate of its own, which does not wait for answers.

Many callers who know nothing of each other come as a Poisson process, and streams of that kind add up to one: N users
offer N times the rate of one, on any number of workers.
"""

import random
import time
from typing import ClassVar

from locust import task
from locust.contrib.fasthttp import FastHttpUser

from loadtest.traffic.session import Session

# A generator that is so far behind has more to send than it can.
_LONG_S = 1.0
# A stream that waits for long looks now and then whether its pace has changed.
_LOOK_S = 0.5


class Stream(FastHttpUser):
    """A Poisson stream of requests."""

    abstract = True
    session: ClassVar[Session]
    shares: ClassVar[dict[str, int]]
    """Endpoints, and how often each is asked relative to the others."""

    def on_start(self) -> None:
        """Decide when the first request is due."""
        self._endpoints: list[str] = []
        self.session.wait_until_prepared()
        self._endpoints = self.session.available(self.shares)
        self._weights = [self.shares[endpoint] for endpoint in self._endpoints]
        self._draw(time.perf_counter())

    def wait_time(self) -> float:
        """Seconds until the next request is due, or until the next look at the pace."""
        return min(max(0.0, self._due - time.perf_counter()), _LOOK_S)

    @task
    def send(self) -> None:
        """Send the request that is due, if one is, and decide when the next one will be."""
        now = time.perf_counter()
        if self._due > now:
            # How long an exponential wait still lasts does not depend on how long it has lasted.
            if self._pace != self.session.pace:
                self._draw(now)
            return
        self.session.loop.send(self.session.question(self._endpoint()), self._due)
        self._draw(self._due)

    def on_stop(self) -> None:
        """Send what became due just now; what has been due for long is noted as never sent."""
        now = time.perf_counter()
        while self._endpoints and self._due <= now:
            settle = self.session.loop.unsent if now - self._due > _LONG_S else self.session.loop.send
            settle(self.session.question(self._endpoint()), self._due)
            self._draw(self._due)

    def _endpoint(self) -> str:
        return self.session.never_asked(self._endpoints) or random.choices(self._endpoints, self._weights)[0]

    def _draw(self, since: float) -> None:
        """The next request is due after a random time; at once, where there is something that nobody has asked for yet.

        The shortest test has to ask for everything, and a longer one has a few requests more in its first moment.
        """
        self._pace = self.session.pace
        self._due = since + (0.0 if self.session.never_asked(self._endpoints) else random.expovariate(self._pace))


class Classify(Stream):
    """Asks for classes only."""

    shares: ClassVar = {"classify": 1}


class Segment(Stream):
    """Asks for masks only."""

    shares: ClassVar = {"segment": 1}


class Cam(Stream):
    """Asks for maps only."""

    shares: ClassVar = {"cam": 1}


class Mixed(Stream):
    """Eight requests for classes to one for a mask and one for a map; without a segmenter eight to one."""

    shares: ClassVar = {"classify": 8, "segment": 1, "cam": 1}
