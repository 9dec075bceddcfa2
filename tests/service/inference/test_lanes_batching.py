import asyncio
import random
from collections.abc import Sequence

import pytest

from service.inference.lanes import Lanes
from tests.service.inference.lane_work import PATIENCE_S, Ask, Desk, in_time, open_lanes


async def run_behind(lanes: Lanes[Ask, str], desk: Desk, asks: Sequence[Ask], *, lane_count: int = 1) -> list[object]:
    """Let every group be known, hold all lanes, queue `asks` in order, let go; the outcomes in the order of `asks`."""
    for group in sorted({ask.group for ask in asks}):
        await lanes.run(Ask(f"learn {group}", group=group), within_s=PATIENCE_S)
    blocks = [f"block-{index}" for index in range(lane_count)]
    desk.hold(*blocks)
    held = []
    for block in blocks:
        held.append(asyncio.create_task(lanes.run(Ask(block, group=block), within_s=PATIENCE_S)))
        await desk.begun(block)
    tasks = [asyncio.create_task(lanes.run(ask, within_s=PATIENCE_S)) for ask in asks]
    while lanes.waiting < len(asks):
        await asyncio.sleep(0)
    desk.runs.clear()
    desk.release(*blocks)
    await asyncio.gather(*held)
    return list(await asyncio.gather(*tasks, return_exceptions=True))


def in_lanes(desk: Desk, asks: Sequence[Ask], *, lane_count: int = 1, max_batch: int = 16) -> list[object]:
    async def scenario() -> list[object]:
        with open_lanes(desk, lanes=lane_count, max_batch=max_batch) as lanes:
            return await run_behind(lanes, desk, asks, lane_count=lane_count)

    return in_time(scenario)


def test_waiting_requests_of_one_group_share_a_run_and_each_gets_its_own_answer() -> None:
    desk = Desk()
    outcomes = in_lanes(desk, [Ask(f"n{index}") for index in range(10)])
    assert outcomes == [f"N{index}" for index in range(10)]
    assert desk.runs == [[f"n{index}" for index in range(10)]]


def test_only_equal_groups_share_a_run_and_the_oldest_request_always_goes_next() -> None:
    desk = Desk()
    order = [("a1", "a"), ("b1", "b"), ("a2", "a"), ("c1", "c"), ("b2", "b"), ("a3", "a")]
    outcomes = in_lanes(desk, [Ask(name, group=group) for name, group in order])
    assert outcomes == ["A1", "B1", "A2", "C1", "B2", "A3"]
    assert desk.runs == [["a1", "a2", "a3"], ["b1", "b2"], ["c1"]]


@pytest.mark.parametrize(("max_batch", "sizes"), [(1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (100, [7])])
def test_a_run_never_holds_more_than_it_may(max_batch: int, sizes: list[int]) -> None:
    desk = Desk()
    in_lanes(desk, [Ask(f"n{index}") for index in range(7)], max_batch=max_batch)
    assert [len(run) for run in desk.runs] == sizes


def test_expensive_requests_go_alone() -> None:
    desk = Desk(takes_s=0.02)
    in_lanes(desk, [Ask(f"n{index}") for index in range(4)])
    assert [len(run) for run in desk.runs] == [1, 1, 1, 1]


def test_a_run_is_kept_short() -> None:
    desk = Desk(takes_s=0.003)
    in_lanes(desk, [Ask(f"n{index}") for index in range(9)])
    assert max(len(run) for run in desk.runs) <= 3


def test_requests_of_a_group_that_nobody_has_measured_go_alone() -> None:
    desk = Desk()
    desk.hold("block")

    async def scenario() -> None:
        with open_lanes(desk) as lanes:
            names = ["block", "a", "b", "c"]
            tasks = [asyncio.create_task(lanes.run(Ask(name, group="new"), within_s=PATIENCE_S)) for name in names]
            await desk.begun("block")
            desk.release("block")
            await asyncio.gather(*tasks)

    in_time(scenario)
    assert desk.runs[0] == ["block"]


def test_what_may_not_share_goes_alone_even_when_its_neighbours_share() -> None:
    desk = Desk()
    order = [("s1", True), ("alone1", False), ("s2", True), ("alone2", False), ("s3", True)]
    in_lanes(desk, [Ask(name, batchable=batchable) for name, batchable in order])
    assert desk.runs == [["s1", "s2", "s3"], ["alone1"], ["alone2"]]


def test_a_bad_request_gets_its_error_and_its_neighbours_get_their_answers() -> None:
    desk = Desk()
    desk.bad["n2"] = ValueError("not a picture")
    outcomes = in_lanes(desk, [Ask(f"n{index}") for index in range(5)])
    assert [str(outcome) for outcome in outcomes] == ["N0", "N1", "not a picture", "N3", "N4"]
    assert isinstance(outcomes[2], ValueError)
    assert len(desk.runs) == 1


def test_a_run_that_breaks_fails_its_own_requests_and_no_later_one() -> None:
    desk = Desk()
    desk.breaks = MemoryError("no room")

    async def scenario() -> None:
        with open_lanes(desk) as lanes:
            for _ in range(3):
                with pytest.raises(MemoryError, match="no room"):
                    await lanes.run(Ask("broken"), within_s=PATIENCE_S)
                assert lanes.running == 0
            desk.breaks = None
            assert await lanes.run(Ask("fine"), within_s=PATIENCE_S) == "FINE"

    in_time(scenario)


def test_two_lanes_share_a_queue_that_is_worth_both() -> None:
    desk = Desk(takes_s=0.002)
    in_lanes(desk, [Ask(f"n{index}") for index in range(8)], lane_count=2)
    assert max(len(run) for run in desk.runs) <= 4
    assert desk.most_at_once == 2


def test_no_group_starves_however_the_groups_mix() -> None:
    """Each run begins with the oldest request that waits: bounded overtaking, and only within a run."""
    dice = random.Random(1)
    for _ in range(20):
        desk = Desk()
        asks = [Ask(f"n{index}", group=dice.choice("aaaabc"), batchable=dice.random() < 0.9) for index in range(40)]
        in_lanes(desk, asks, max_batch=dice.choice([2, 5, 16]))
        waiting = [ask.name for ask in asks]
        for run in desk.runs:
            assert run[0] == waiting[0]
            waiting = [name for name in waiting if name not in run]
        assert not waiting
