import asyncio
import time
import weakref

import pytest

from service.errors import DeadlineExceeded, Overloaded
from tests.service.inference.lane_work import PATIENCE_S, Ask, Desk, in_time, open_lanes, turns


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back() -> None:
    desk = Desk()
    desk.hold("first")

    async def scenario() -> None:
        with open_lanes(desk, queue_size=2) as lanes:
            first = asyncio.create_task(lanes.run(Ask("first"), within_s=PATIENCE_S))
            await desk.begun("first")
            rest = [asyncio.create_task(lanes.run(Ask(name), within_s=PATIENCE_S)) for name in ("second", "third")]
            await turns()
            assert lanes.waiting == 2
            before = time.perf_counter()
            with pytest.raises(Overloaded) as refused:
                await lanes.run(Ask("fourth"), within_s=PATIENCE_S)
            assert time.perf_counter() - before < 0.05
            assert refused.value.retry_after_s >= 1.0
            with pytest.raises(Overloaded):
                lanes.admit("another group", within_s=PATIENCE_S)
            desk.release("first")
            assert await asyncio.gather(first, *rest) == ["FIRST", "SECOND", "THIRD"]
            assert await lanes.run(Ask("fifth"), within_s=PATIENCE_S) == "FIFTH"

    in_time(scenario)
    assert "fourth" not in desk.names


@pytest.mark.parametrize("lane_count", [1, 2, 3])
def test_an_estimate_refuses_what_cannot_be_in_time_but_never_while_a_lane_is_free(lane_count: int) -> None:
    desk = Desk(takes_s=0.02)
    held = [f"held-{index}" for index in range(lane_count)]

    async def scenario() -> None:
        with open_lanes(desk, lanes=lane_count) as lanes:
            await lanes.run(Ask("learn", batchable=False), within_s=PATIENCE_S)
            desk.hold(*held)
            tasks = []
            for name in held:
                lanes.admit("group", within_s=0.001)
                tasks.append(asyncio.create_task(lanes.run(Ask(name, batchable=False), within_s=PATIENCE_S)))
                await desk.begun(name)
            with pytest.raises(Overloaded) as refused:
                lanes.admit("group", within_s=0.001)
            assert 0.02 <= refused.value.retry_after_s < 1.0
            with pytest.raises(Overloaded):
                await lanes.run(Ask("too late"), within_s=0.001)
            lanes.admit("group", within_s=PATIENCE_S)
            desk.release(*held)
            await asyncio.gather(*tasks)
            lanes.admit("group", within_s=0.001)

    in_time(scenario)
    assert "too late" not in desk.names


def test_a_burst_that_comes_before_a_lane_has_woken_is_measured_by_the_estimate_too() -> None:
    desk = Desk(takes_s=0.02)

    async def scenario() -> list[object]:
        with open_lanes(desk) as lanes:
            await lanes.run(Ask("learn", batchable=False), within_s=PATIENCE_S)
            asks = [Ask(f"burst-{index}", batchable=False) for index in range(50)]
            return list(await asyncio.gather(*(lanes.run(ask, within_s=0.1) for ask in asks), return_exceptions=True))

    outcomes = in_time(scenario)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Overloaded)]
    assert outcomes[0] == "BURST-0"
    assert len(refused) >= 45
    assert len(desk.names) <= 6


def test_requests_of_an_unknown_cost_count_as_soon_as_it_is_known() -> None:
    desk = Desk(takes_s=0.05)
    desk.hold("first")

    async def scenario() -> None:
        with open_lanes(desk, max_batch=1) as lanes:
            tasks = [asyncio.create_task(lanes.run(Ask(name), within_s=PATIENCE_S)) for name in ("first", *"abcdefgh")]
            await desk.begun("first")
            lanes.admit("group", within_s=0.2)
            desk.release("first")
            await tasks[0]
            with pytest.raises(Overloaded):
                lanes.admit("group", within_s=0.2)
            await asyncio.gather(*tasks)

    in_time(scenario)


def test_one_slow_run_does_not_shut_its_group_out_for_good() -> None:
    desk = Desk()
    desk.hold("slow")

    async def scenario() -> int:
        with open_lanes(desk) as lanes:
            slow = asyncio.create_task(lanes.run(Ask("slow", batchable=False), within_s=PATIENCE_S))
            await desk.begun("slow")
            await asyncio.sleep(0.3)
            desk.release("slow")
            await slow
            refusals = 0
            for index in range(60):
                # Two at a time: the second meets a busy lane and is judged by the estimate.
                pair = [Ask(f"{index}-{place}", batchable=False) for place in "ab"]
                answers = await asyncio.gather(*(lanes.run(ask, within_s=0.1) for ask in pair), return_exceptions=True)
                assert answers[0] == pair[0].name.upper()
                refusals += isinstance(answers[1], Overloaded)
            assert not isinstance(answers[1], Exception)
            return refusals

    assert 1 <= in_time(scenario) <= 20


def test_a_waiting_request_whose_time_runs_out_is_withdrawn_and_let_go_of() -> None:
    desk = Desk()
    desk.hold("first")

    async def scenario() -> None:
        with open_lanes(desk, queue_size=1) as lanes:
            first = asyncio.create_task(lanes.run(Ask("first"), within_s=PATIENCE_S))
            await desk.begun("first")
            for within_s in (0.01, 0.12):  # shorter and longer than it takes for a caller to be watched
                late = Ask("late")
                trace = weakref.ref(late)
                began = time.perf_counter()
                with pytest.raises(DeadlineExceeded, match=f"within {within_s:g} seconds"):
                    await lanes.run(late, within_s=within_s)
                assert within_s <= time.perf_counter() - began + 0.005
                assert time.perf_counter() - began < within_s + 0.2
                assert lanes.waiting == 0
                del late
                await turns()
                assert trace() is None
            desk.release("first")
            assert await first == "FIRST"

    in_time(scenario)
    assert desk.names == ["first"]


def test_a_running_request_whose_time_runs_out_keeps_its_lane_until_its_work_has_ended() -> None:
    desk = Desk()
    desk.hold("stuck-0", "stuck-1")

    async def scenario() -> None:
        with open_lanes(desk, lanes=2) as lanes:
            stuck = [asyncio.create_task(lanes.run(Ask(f"stuck-{n}"), within_s=0.1)) for n in range(2)]
            for index, task in enumerate(stuck):
                await desk.begun(f"stuck-{index}")
                with pytest.raises(DeadlineExceeded):
                    await task
            assert lanes.running == 2
            after = asyncio.create_task(lanes.run(Ask("after"), within_s=PATIENCE_S))
            await asyncio.sleep(0.05)
            assert "after" not in desk.names
            desk.release("stuck-0")
            assert await after == "AFTER"
            assert lanes.running == 1
            desk.release("stuck-1")

    in_time(scenario)
    assert desk.most_at_once == 2


def test_a_cancelled_request_leaves_the_queue_or_lets_its_lane_finish() -> None:
    desk = Desk()
    desk.hold("running")

    async def scenario() -> None:
        with open_lanes(desk) as lanes:
            running = asyncio.create_task(lanes.run(Ask("running"), within_s=PATIENCE_S))
            await desk.begun("running")
            waiting = asyncio.create_task(lanes.run(Ask("waiting"), within_s=PATIENCE_S))
            await turns()
            for task in (waiting, running):
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert (lanes.waiting, lanes.running) == (0, 1)
            desk.release("running")
            assert await lanes.run(Ask("next"), within_s=PATIENCE_S) == "NEXT"

    in_time(scenario)
    assert desk.names == ["running", "next"]


def test_a_caller_who_hangs_up_while_waiting_gives_the_place_back() -> None:
    desk = Desk()
    desk.hold("first")

    async def scenario() -> None:
        hung_up = asyncio.Event()

        async def gone() -> None:
            await hung_up.wait()
            raise ConnectionResetError("hung up")

        with open_lanes(desk, queue_size=1) as lanes:
            first = asyncio.create_task(lanes.run(Ask("first"), within_s=PATIENCE_S, gone=gone))
            await desk.begun("first")
            second = asyncio.create_task(lanes.run(Ask("second"), within_s=PATIENCE_S, gone=gone))
            await turns()
            assert lanes.waiting == 1
            hung_up.set()
            for task in (second, first):
                with pytest.raises(ConnectionResetError):
                    await task
            assert (lanes.waiting, lanes.running) == (0, 1)
            desk.release("first")

    in_time(scenario)
    assert desk.names == ["first"]


def test_callers_are_watched_only_while_they_wait_long() -> None:
    desk = Desk()
    desk.hold("slow")
    calls: list[str] = []

    async def scenario() -> None:
        async def gone() -> None:
            calls.append("watched")
            try:
                await asyncio.Event().wait()
            finally:
                calls.append("ended")

        with open_lanes(desk) as lanes:
            await lanes.run(Ask("quick"), within_s=PATIENCE_S, gone=gone)
            await asyncio.sleep(0.1)
            assert calls == []
            slow = asyncio.create_task(lanes.run(Ask("slow"), within_s=PATIENCE_S, gone=gone))
            await asyncio.sleep(0.15)
            desk.release("slow")
            assert await slow == "SLOW"
            await turns()

    in_time(scenario)
    assert calls == ["watched", "ended"]


def test_closing_finishes_what_waits_and_ends_the_threads() -> None:
    desk = Desk()
    desk.hold("first")

    async def scenario() -> list[str]:
        with open_lanes(desk) as lanes:
            tasks = [asyncio.create_task(lanes.run(Ask(name), within_s=PATIENCE_S)) for name in ("first", *"abc")]
            await desk.begun("first")
            closing = asyncio.create_task(asyncio.to_thread(lanes.close))
            await turns()
            desk.release("first")
            await closing
            return await asyncio.gather(*tasks)

    assert in_time(scenario) == ["FIRST", "A", "B", "C"]


def test_the_time_in_the_queue_is_noted_with_the_request() -> None:
    desk = Desk()
    desk.hold("first")
    second = Ask("second")

    async def scenario() -> None:
        with open_lanes(desk) as lanes:
            first = asyncio.create_task(lanes.run(Ask("first"), within_s=PATIENCE_S))
            await desk.begun("first")
            waiting = asyncio.create_task(lanes.run(second, within_s=PATIENCE_S))
            await asyncio.sleep(0.05)
            desk.release("first")
            await asyncio.gather(first, waiting)

    in_time(scenario)
    assert 0.05 <= second.stages["queue"] < 5.0
