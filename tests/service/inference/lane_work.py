"""Requests for the lanes that are held and let go by name, so that no test has to guess how long something takes."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from service.inference.lanes import Lanes

PATIENCE_S = 10.0
Value = TypeVar("Value")


@dataclass(slots=True, weakref_slot=True)
class Ask:
    """A request; the answer to it is its name in capitals."""

    name: str
    group: str = "group"
    batchable: bool = True
    amount: int = 1
    stages: dict[str, float] = field(default_factory=dict)
    given_up: bool = False


class Desk:
    """Executes requests: notes every run, waits where a name is held, fails where a name is bad."""

    def __init__(self, *, takes_s: float = 0.0) -> None:
        self.runs: list[list[str]] = []
        self.most_at_once = 0
        self.takes_s = takes_s
        self._at_work = 0
        self._lock = threading.Lock()
        self._begun: dict[str, threading.Event] = {}
        self._held: dict[str, threading.Event] = {}
        self.bad: dict[str, Exception] = {}
        self.breaks: Exception | None = None

    def hold(self, *names: str) -> None:
        """Runs with one of these names wait until it is released."""
        for name in names:
            self._held[name] = threading.Event()
            self._begun[name] = threading.Event()

    def release(self, *names: str) -> None:
        """Let runs go on."""
        for name in names:
            self._held[name].set()

    async def begun(self, name: str) -> None:
        """Return once the run of a held name is under way."""
        assert await asyncio.to_thread(self._begun[name].wait, PATIENCE_S), f"{name} was never begun"

    @property
    def names(self) -> list[str]:
        """All that was ever executed, in order."""
        return [name for run in self.runs for name in run]

    def __call__(self, asks: Sequence[Ask]) -> Sequence[str | Exception]:
        """Execute one run."""
        with self._lock:
            self.runs.append([ask.name for ask in asks])
            self._at_work += 1
            self.most_at_once = max(self.most_at_once, self._at_work)
        try:
            for ask in asks:
                if ask.name in self._held:
                    self._begun[ask.name].set()
                    assert self._held[ask.name].wait(PATIENCE_S)
            if self.takes_s:
                threading.Event().wait(self.takes_s * len(asks))
            if self.breaks is not None:
                raise self.breaks
            return [self.bad.get(ask.name) or ask.name.upper() for ask in asks]
        finally:
            with self._lock:
                self._at_work -= 1


@contextmanager
def open_lanes(
    desk: Callable[[Sequence[Ask]], Sequence[str | Exception]],
    *,
    lanes: int = 1,
    queue_size: int = 1000,
    max_batch: int = 16,
) -> Iterator[Lanes[Ask, str]]:
    """Lanes for a test; at its end nothing may be left in them, nor a thread alive."""
    before = set(threading.enumerate())
    opened: Lanes[Ask, str] = Lanes(desk, lanes=lanes, queue_size=queue_size, max_batch=max_batch)
    own = set(threading.enumerate()) - before
    yield opened
    opened.close()
    assert not any(thread.is_alive() for thread in own)
    assert (opened.waiting, opened.running) == (0, 0)


def in_time(scenario: Callable[[], Awaitable[Value]]) -> Value:
    """Run a scenario on an event loop of its own; one that hangs fails."""

    async def bounded() -> Value:
        async with asyncio.timeout(60):
            return await scenario()

    return asyncio.run(bounded())


async def turns(count: int = 20) -> None:
    """Let the event loop go round, so that what was started has queued."""
    for _ in range(count):
        await asyncio.sleep(0)
