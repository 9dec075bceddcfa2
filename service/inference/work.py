"""A piece of work for the lanes: what they need to know of a request, and what they note of it."""

import asyncio
import time
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar


class Work(Protocol):
    """What the lanes need to know of a request."""

    @property
    def group(self) -> Hashable:
        """Requests of equal group cost about the same for the same `amount`, and may share a run if `batchable`."""

    @property
    def batchable(self) -> bool:
        """Whether it may share a run with others of its group."""

    @property
    def amount(self) -> int:
        """How much work it is among those of its group: 1 where all cost alike, or in a unit of the group's own."""

    @property
    def stages(self) -> dict[str, float]:
        """Seconds per stage, filled in on the way."""

    given_up: bool
    """Set once nobody waits for the answer: work of many steps may end early."""


Request = TypeVar("Request", bound=Work)
Answer = TypeVar("Answer")


class Job(Generic[Request, Answer]):
    """A request on its way through the lanes, and the future of its answer."""

    __slots__ = ("future", "queued_at", "request", "running", "timer", "watch")

    def __init__(self, request: Request, future: "asyncio.Future[Answer]") -> None:
        self.request = request
        self.future = future
        self.queued_at = time.perf_counter()
        self.running = False
        self.timer: asyncio.TimerHandle | None = None
        self.watch: asyncio.Task[None] | None = None
