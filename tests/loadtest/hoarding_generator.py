"""The locustfile in a process that comes to hold as much as thousands of requests under way, and counts collections."""

import gc
from typing import Any

from locust import events

from loadtest.locustfile import Classify, Stages

__all__ = ["Classify", "Stages"]

_hoard: list[list[int]] = []


def _full_collections() -> int:
    found: int = gc.get_stats()[2]["collections"]
    return found


def _hold(**_: Any) -> None:
    if not _hoard:
        before = _full_collections()
        _hoard.extend([] for _ in range(300_000))
        print(f"{_full_collections() - before} full collections", flush=True)


events.request.add_listener(_hold)
