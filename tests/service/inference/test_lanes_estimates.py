"""What the lanes learn from finished work, and how they value what waits by it."""

import asyncio

import pytest

from service.errors import Overloaded
from tests.service.inference.lane_work import PATIENCE_S, Ask, Desk, in_time, open_lanes


def test_what_is_ahead_counts_by_its_amount() -> None:
    desk = Desk(takes_s=0.02)
    desk.hold("large")

    async def scenario() -> None:
        with open_lanes(desk) as lanes:
            await lanes.run(Ask("learn", amount=10, batchable=False), within_s=PATIENCE_S)
            large = asyncio.create_task(lanes.run(Ask("large", amount=1000, batchable=False), within_s=PATIENCE_S))
            await desk.begun("large")
            with pytest.raises(Overloaded) as refused:
                await lanes.run(Ask("late", amount=10, batchable=False), within_s=1.0)
            assert 2.0 <= refused.value.retry_after_s < 3.0
            with pytest.raises(Overloaded):
                await lanes.run(Ask("as large", amount=1000, batchable=False), within_s=3.5)
            small = asyncio.create_task(lanes.run(Ask("small", batchable=False), within_s=3.5))
            desk.release("large")
            assert [await large, await small] == ["LARGE", "SMALL"]

    in_time(scenario)
    assert desk.names == ["learn", "large", "small"]


def test_what_fails_early_does_not_make_its_group_look_cheap() -> None:
    desk = Desk(takes_s=0.05)
    desk.hold("held")

    async def scenario() -> None:
        with open_lanes(desk) as lanes:
            await lanes.run(Ask("learn", batchable=False), within_s=PATIENCE_S)
            desk.takes_s = 0.0
            for number in range(20):
                desk.bad[f"bad-{number}"] = ValueError("bad")
                with pytest.raises(ValueError, match="bad"):
                    await lanes.run(Ask(f"bad-{number}", batchable=False), within_s=PATIENCE_S)
            held = asyncio.create_task(lanes.run(Ask("held", batchable=False), within_s=PATIENCE_S))
            await desk.begun("held")
            with pytest.raises(Overloaded) as refused:
                lanes.admit("group", within_s=0.01)
            assert refused.value.retry_after_s >= 0.05
            desk.release("held")
            await held

    in_time(scenario)
