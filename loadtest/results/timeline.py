"""What became of the requests of a run, second by second."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadtest.results.rows import Table
from loadtest.results.summary import DEADLINE_S


@dataclass(frozen=True, slots=True)
class Timeline:
    """Requests by the whole second in which they were due; together they are what was offered."""

    first_s: int
    """Of the first second, from the moment that counts as 0."""
    in_time: list[int]
    """Answered right within the deadline."""
    refused: list[int]
    lost: list[int]
    """Sent, and neither answered right within the deadline nor refused."""
    unsent: list[int]


def timeline_of(table: Table, start_s: float, end_s: float, *, zero_s: float) -> Timeline:
    """The whole seconds from `start_s` to `end_s`, counted from `zero_s` (all three since the epoch)."""
    first, last = math.ceil(start_s - zero_s), math.floor(end_s - zero_s)
    edges = np.arange(first, max(first, last) + 1) + zero_s

    def counts(which: Table) -> NDArray[np.int64]:
        return np.histogram(which.due_s, edges)[0] if len(edges) > 1 else np.zeros(0, np.int64)

    right = table.of("ok")
    in_time = counts(right.where(right.latency_s <= DEADLINE_S))
    refused, unsent = counts(table.of("refused")), counts(table.of("unsent"))
    lost = counts(table) - in_time - refused - unsent
    return Timeline(first, in_time.tolist(), refused.tolist(), lost.tolist(), unsent.tolist())
