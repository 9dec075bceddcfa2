import asyncio
import random
import statistics
import threading
import time
from collections.abc import Sequence

import pytest
import uvloop

from service.errors import DeadlineExceeded, Overloaded
from tests.service.inference.lane_work import PATIENCE_S, Ask, Desk, in_time, open_lanes

# Far above what a lane takes to wake up, far below what the held runs take.
SOON_S = 0.25


@pytest.mark.parametrize("lane_count", [2, 3, 4])
def test_a_long_run_that_was_taken_for_a_short_one_delays_nobody_while_a_lane_is_idle(lane_count: int) -> None:
    """All but one lane are held by runs that the estimates take for microseconds."""
    desk = Desk()
    held = [f"held-{index}" for index in range(lane_count - 1)]

    async def scenario() -> list[float]:
        with open_lanes(desk, lanes=lane_count) as lanes:
            for _ in range(20):
                await lanes.run(Ask("learn"), within_s=PATIENCE_S)
            desk.hold(*held)
            tasks = []
            for name in held:
                tasks.append(asyncio.create_task(lanes.run(Ask(name), within_s=PATIENCE_S)))
                await desk.begun(name)
            waited_s = []
            for index in range(30):
                began = time.perf_counter()
                await lanes.run(Ask(f"quick-{index}"), within_s=PATIENCE_S)
                waited_s.append(time.perf_counter() - began)
            desk.release(*held)
            await asyncio.gather(*tasks)
            return waited_s

    waited_s = in_time(scenario)
    assert statistics.median(waited_s) < 0.02
    assert max(waited_s) < SOON_S


def test_no_request_is_left_over_when_the_lane_that_was_woken_for_several_gets_stuck_with_the_first() -> None:
    desk = Desk()
    names = ("stuck-0", "stuck-1", "stuck-2")
    desk.hold(*names)

    async def scenario() -> None:
        with open_lanes(desk, lanes=4) as lanes:
            for _ in range(20):  # until the estimate is in microseconds
                await lanes.run(Ask("learn", batchable=False), within_s=PATIENCE_S)
            runs = [lanes.run(Ask(name, batchable=False), within_s=PATIENCE_S) for name in names]
            first = asyncio.create_task(runs[0])
            await desk.begun("stuck-0")
            others = [asyncio.create_task(run) for run in runs[1:]]
            began = time.perf_counter()
            quick = asyncio.create_task(lanes.run(Ask("quick", batchable=False), within_s=PATIENCE_S))
            assert await quick == "QUICK"
            assert time.perf_counter() - began < SOON_S
            desk.release(*names)
            await asyncio.gather(first, *others)

    in_time(scenario)


def test_requests_that_come_together_are_found_together() -> None:
    desk = Desk()

    async def scenario() -> None:
        with open_lanes(desk) as lanes:
            await lanes.run(Ask("learn"), within_s=PATIENCE_S)
            desk.runs.clear()
            await asyncio.gather(*(lanes.run(Ask(f"n{index}"), within_s=PATIENCE_S) for index in range(16)))

    in_time(scenario)
    assert [len(run) for run in desk.runs] == [16]


@pytest.mark.parametrize("lane_count", [1, 2, 3, 4])
def test_thousands_of_random_requests_are_each_answered_once(lane_count: int) -> None:
    """Random groups, costs, arrivals, deadlines and cancellations: no wake-up is lost and no lane is overbooked."""
    dice = random.Random(lane_count)
    lock = threading.Lock()
    at_work = 0
    most_at_work = 0
    executed: list[str] = []

    def execute(asks: Sequence[Ask]) -> Sequence[str | Exception]:
        nonlocal at_work, most_at_work
        with lock:
            at_work += 1
            most_at_work = max(most_at_work, at_work)
            executed.extend(ask.name for ask in asks)
            assert len({ask.group for ask in asks}) == 1
        if asks[0].group == "slow":
            time.sleep(0.002)
        elif asks[0].group == "medium":
            time.sleep(0.0003)
        with lock:
            at_work -= 1
        return [ask.name.upper() for ask in asks]

    async def scenario() -> tuple[int, list[float]]:
        waits: list[float] = []
        withdrawn = 0

        async def one(index: int) -> None:
            nonlocal withdrawn
            group = dice.choices(["fast", "medium", "slow"], [10, 5, 1])[0]
            ask = Ask(f"n{index}", group=group, batchable=dice.random() < 0.8)
            fate = dice.random()
            began = time.perf_counter()
            if fate < 0.02:
                task = asyncio.create_task(lanes.run(ask, within_s=PATIENCE_S))
                await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
                withdrawn += 1
            elif fate < 0.04:
                try:
                    await lanes.run(ask, within_s=0.0001)
                except (DeadlineExceeded, Overloaded):
                    withdrawn += 1
            else:
                assert await lanes.run(ask, within_s=PATIENCE_S) == ask.name.upper()
                waits.append(time.perf_counter() - began)

        with open_lanes(execute, lanes=lane_count, queue_size=100_000) as lanes:
            async with asyncio.timeout(40):
                index = 0
                while index < 3000:
                    burst = dice.choice([1, 1, 1, 2, 3, 8, 40])
                    await asyncio.gather(*(one(index + offset) for offset in range(burst)))
                    index += burst
                    if dice.random() < 0.1:
                        await asyncio.sleep(dice.random() * 0.002)
        return withdrawn, waits

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        withdrawn, waits = runner.run(scenario())
    assert len(executed) == len(set(executed))
    assert len(executed) >= len(waits)
    assert withdrawn > 20
    assert most_at_work <= lane_count
    assert max(waits) < 2.0
