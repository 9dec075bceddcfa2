"""A bounded queue in front of a few inference threads: admits what can be served in time, refuses the rest at once.

It knows nothing of models or pictures: it moves requests to an `execute` function, several of one group at a time
where they are cheap, and brings the answers back to the event loop.
"""

import asyncio
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic

from service.errors import DeadlineExceeded, Overloaded, without_traceback
from service.inference.costs import Costs
from service.inference.work import Answer, Job, Request

# A run over several requests saves per-run overhead, which is worth having only while a run is short.
_BATCH_BUDGET_S = 0.01
# Less work than this is done before another lane has woken up: it is left to a lane that is at work already.
_WORTH_A_LANE_S = 0.001
# A request that still waits after this proves the estimates wrong that left it to a busy lane.
_PATIENCE_S = 2 * _WORTH_A_LANE_S
# Turns of the event loop, a few µs each, that a request may wait for company before a lane is woken.
_MOST_TURNS = 8
# A caller who waits longer than this is watched: one who hangs up leaves the queue. Most never wait that long.
_LONG_WAIT_S = 0.05

log = logging.getLogger("convoy.lanes")


class Lanes(Generic[Request, Answer]):
    """Inference threads with one queue; `run` is awaited on the event loop, `execute` runs in a lane."""

    def __init__(
        self,
        execute: Callable[[Sequence[Request]], Sequence[Answer | Exception]],
        *,
        lanes: int,
        queue_size: int,
        max_batch: int,
    ) -> None:
        self._execute = execute
        self._lanes = lanes
        self._queue_size = queue_size
        self._max_batch = max_batch
        self._queue: deque[Job[Request, Answer]] = deque()
        self._wake = threading.Condition(threading.Lock())
        self._idle = 0
        self._closed = False
        self._gathering = False
        self._looking = False
        self._running = 0
        self._busy = 0
        self._costs = Costs()
        self._threads = [threading.Thread(target=self._lane, name=f"lane-{n}", daemon=True) for n in range(lanes)]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """Requests that a lane is working on, those included whose caller has given up."""
        return self._running

    def admit(self, group: Hashable, *, within_s: float, amount: int = 1) -> None:
        """Check that a request could be answered in time; cheap, so that it can be asked before the body is read.

        Raises:
            Overloaded: the queue is full, or what is ahead would take too long.
        """
        wait_s = self._costs.pending_s / self._lanes
        if len(self._queue) >= self._queue_size:
            raise Overloaded("Too many requests are waiting; come back later.", retry_after_s=max(wait_s, 1.0))
        # An estimate alone never refuses work while a lane is free, else one slow run could shut a model out.
        if self._busy + len(self._queue) >= self._lanes and wait_s + amount * self._costs.each_s(group) > within_s:
            raise Overloaded("What is waiting already would use up the time for this request.", retry_after_s=wait_s)

    async def run(
        self, request: Request, *, within_s: float, gone: Callable[[], Awaitable[None]] | None = None
    ) -> Answer:
        """Have a request executed and wait for its answer.

        Args:
            request: What to execute.
            within_s: Time for the answer, waiting included.
            gone: Raises once the caller wants no answer any more; awaited only where the answer takes long.

        Raises:
            Overloaded: it could not be served in time, so it was not begun.
            DeadlineExceeded: `within_s` ran out. A request that still waited is withdrawn; one that runs keeps its
                lane until it ends, since a thread cannot be stopped.
            Exception: what `gone` raises; the request is withdrawn likewise.
        """
        self.admit(request.group, within_s=within_s, amount=request.amount)
        loop = asyncio.get_running_loop()
        job: Job[Request, Answer] = Job(request, loop.create_future())
        job.timer = loop.call_later(min(within_s, _LONG_WAIT_S), self._overdue, job, within_s, gone)
        with self._wake:
            self._queue.append(job)
            self._costs.add(request.group, request.amount)
        if not self._gathering:
            self._gathering = True
            loop.call_soon(self._gather, loop, 1, _MOST_TURNS)
        try:
            return await job.future
        except asyncio.CancelledError:
            self._withdraw(job)
            raise
        finally:
            job.timer.cancel()
            if job.watch is not None:
                job.watch.cancel()
            # An error, and a cancelled task, hold their frames: tied to the job, they would wait for the garbage
            # collector, and the body with them.
            job.watch = None
            del job, request

    def _gather(self, loop: asyncio.AbstractEventLoop, seen: int, turns: int) -> None:
        """Wake the lanes once a turn of the event loop has brought nothing more, so that they find all at once."""
        waiting = len(self._queue)
        if waiting > seen and turns and waiting < self._max_batch:
            loop.call_soon(self._gather, loop, waiting, turns - 1)
            return
        with self._wake:
            # What a lane at work will have done before another one has woken up is left to it for a moment, and with
            # it what comes in that moment: larger runs, and fewer threads that want the interpreter at once.
            self._gathering = self._busy > 0 and self._costs.pending_s < _WORTH_A_LANE_S
            left = self._wake_lanes(0 if self._gathering else self._worth_lanes())
        self._gathering = self._gathering and left
        self._look_later(loop, left)

    def _look_later(self, loop: asyncio.AbstractEventLoop, left: bool) -> None:
        if left and not self._looking:
            self._looking = True
            loop.call_later(_PATIENCE_S, self._look_again, loop)

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake lanes for what came since, and every lane that can help where the estimates have proved wrong."""
        self._looking = self._gathering = False
        with self._wake:
            overdue = bool(self._queue) and time.perf_counter() - self._queue[0].queued_at > _PATIENCE_S
            left = self._wake_lanes(self._lanes if overdue else self._worth_lanes())
        self._look_later(loop, left)

    def _worth_lanes(self) -> int:
        return max(1, math.ceil(self._costs.pending_s / _WORTH_A_LANE_S))

    def _wake_lanes(self, most: int) -> bool:
        """Wake up to `most` lanes, and say whether requests and idle lanes may be left over.

        A lane that ends its work looks at the queue before it sleeps, so where none is idle none has to be woken.
        """
        useful = min(len(self._queue), self._idle)
        self._wake.notify(min(most, useful))
        return most < useful

    def close(self) -> None:
        """Let the lanes end once the queue is empty."""
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        for thread in self._threads:
            thread.join(timeout=5)

    def _overdue(self, job: Job[Request, Answer], within_s: float, gone: Callable[[], Awaitable[None]] | None) -> None:
        """The first timer of a job: its time is up, or its caller is watched for the rest of it."""
        left_s = within_s - (time.perf_counter() - job.queued_at)
        if left_s <= 0.0:
            self._give_up(job, DeadlineExceeded(f"The request was not answered within {within_s:g} seconds."))
            return
        loop = asyncio.get_running_loop()
        job.timer = loop.call_later(left_s, self._overdue, job, within_s, None)
        if gone is not None:
            job.watch = loop.create_task(self._watch(job, gone))

    async def _watch(self, job: Job[Request, Answer], gone: Callable[[], Awaitable[None]]) -> None:
        try:
            await gone()
        except Exception as error:
            self._give_up(job, error)

    def _give_up(self, job: Job[Request, Answer], error: Exception) -> None:
        self._withdraw(job)
        if not job.future.done():
            job.future.set_exception(error)

    def _withdraw(self, job: Job[Request, Answer]) -> None:
        job.request.given_up = True
        with self._wake:
            if not job.running and job in self._queue:
                self._queue.remove(job)
                self._costs.remove(job.request.group, job.request.amount)

    def _lane(self) -> None:
        while True:
            with self._wake:
                while not self._queue:
                    if self._closed:
                        return
                    self._idle += 1
                    self._wake.wait()
                    self._idle -= 1
                batch = self._take()
            self._work_on(batch)
            del batch  # else the bodies of the last run stay in memory for as long as the lane sleeps

    def _take(self) -> list[Job[Request, Answer]]:
        """The next request and, where they are cheap, others of its group: this lane's share of the queue."""
        first = self._queue.popleft()
        batch = [first]
        group = first.request.group
        cost_s = self._costs.each_s(group)
        sharing = self._lanes if self._costs.pending_s > _WORTH_A_LANE_S else 1
        most = min(self._max_batch, math.ceil((len(self._queue) + 1) / sharing))
        if most > 1 and first.request.batchable and 0.0 < cost_s * 2 <= _BATCH_BUDGET_S:
            most = min(most, int(_BATCH_BUDGET_S / cost_s))
            for job in list(self._queue):
                if len(batch) == most:
                    break
                if job.request.batchable and job.request.group == group:
                    self._queue.remove(job)
                    batch.append(job)
        now = time.perf_counter()
        for job in batch:
            job.running = True
            job.request.stages["queue"] = now - job.queued_at
        self._running += len(batch)
        self._busy += 1
        return batch

    def _work_on(self, batch: list[Job[Request, Answer]]) -> None:
        started = time.perf_counter()
        answers: Sequence[Answer | Exception]
        try:
            answers = self._execute([job.request for job in batch])
        except Exception as error:
            log.exception("a run over %d requests failed", len(batch))
            answers = [without_traceback(error)] * len(batch)
        group, amount = batch[0].request.group, sum(job.request.amount for job in batch)
        each_s = (time.perf_counter() - started) / amount
        # What failed, or was given up, may have ended early: it says no more than how much it costs at least.
        whole = not any(isinstance(answer, Exception) for answer in answers)
        with self._wake:
            self._running -= len(batch)
            self._busy -= 1
            self._costs.remove(group, amount)
            if whole or each_s > self._costs.each_s(group):
                self._costs.observe(group, each_s)
        # All answers of a run go back in one hop: waking the event loop costs more than a small network.
        try:
            batch[0].future.get_loop().call_soon_threadsafe(_deliver, batch, answers)
        except RuntimeError:
            log.info("the event loop has ended before %d answers", len(batch))


def _deliver(batch: Sequence[Job[Request, Answer]], answers: Sequence[Answer | Exception]) -> None:
    for job, answer in zip(batch, answers, strict=True):
        if job.future.done():
            continue
        if isinstance(answer, Exception):
            job.future.set_exception(answer)
        else:
            job.future.set_result(answer)
