"""CPU time of functions that take turns: what else the machine does meets all of them alike."""

import math
import time
from collections.abc import Callable, Sequence

_TURN_S = 0.05
"""A turn repeats quick functions until it lasts about this long: the clock of CPU time is coarse."""


def take_turns(runs: Sequence[Callable[[], object]], *, rounds: int) -> list[list[float]]:
    """CPU milliseconds of each, one value per round; every other round goes backwards."""
    repeats = [max(1, math.ceil(_TURN_S / (_cpu_s(run, 2) + 1e-9))) for run in runs]
    times_ms: list[list[float]] = [[] for _ in runs]
    turns = list(zip(runs, repeats, times_ms, strict=True))
    for number in range(rounds):
        for run, repeat, into in turns if number % 2 == 0 else reversed(turns):
            into.append(_cpu_s(run, repeat) * 1000)
    return times_ms


def _cpu_s(run: Callable[[], object], repeat: int) -> float:
    """CPU time of one of `repeat` runs, in seconds."""
    started = time.process_time()
    for _ in range(repeat):
        run()
    return (time.process_time() - started) / repeat
