"""What a stretch of a run comes to: exact percentiles, shares, goodput, and whether the offered rate was kept."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadtest.results.rows import Table

ON_TIME_S = 0.05
"""A request that is sent later than this after it was due was not sent on time."""
KEPT_SHARE = 0.95
"""Share of the due requests that has to be sent on time; a run below it is invalid."""


def percentile(values: NDArray[np.float64], percent: float) -> float:
    """The smallest of the values that at least `percent` of them do not exceed (nearest rank); NaN without values."""
    if not len(values):
        return math.nan
    rank = max(1, math.ceil(round(percent / 100 * len(values), 9)))
    return float(np.partition(values, rank - 1)[rank - 1])


@dataclass(frozen=True, slots=True)
class Summary:
    """A stretch of a run; rates in requests per second, times in milliseconds from the due moment."""

    requests: int
    offered: float
    on_time_share: float
    late_p99_ms: float
    """How late the generator itself was."""
    goodput: float
    """Right answers that arrived in this stretch and within the deadline, per second."""
    ok_share: float
    refused_share: float
    failed_share: float
    """Of everything that is neither right nor refused."""
    p50_ms: float
    p95_ms: float
    p99_ms: float
    longest_ms: float
    """Of right answers, as the percentiles are."""
    refused_p50_ms: float
    refused_p99_ms: float

    @property
    def valid(self) -> bool:
        """Whether the offered rate was kept."""
        return self.on_time_share >= KEPT_SHARE


def summary_of(table: Table, start_s: float, end_s: float, *, deadline_s: float) -> Summary:
    """Sum up the requests due from `start_s` on and before `end_s` (seconds since the epoch).

    Raises:
        ValueError: none was due.
    """
    due = table.due_between(start_s, end_s)
    if not len(due):
        raise ValueError("No request was due in this stretch.")
    right = due.of("ok")
    refused = due.of("refused")
    latency_ms = right.latency_s * 1000
    sent = due.of("ok", "wrong", "refused", "late", "error", "broken")
    return Summary(
        requests=len(due),
        offered=len(due) / (end_s - start_s),
        on_time_share=int((sent.late_s <= ON_TIME_S).sum()) / len(due),
        late_p99_ms=percentile(sent.late_s, 99) * 1000,
        goodput=_in_time(table, start_s, end_s, deadline_s) / (end_s - start_s),
        ok_share=len(right) / len(due),
        refused_share=len(refused) / len(due),
        failed_share=(len(due) - len(right) - len(refused)) / len(due),
        p50_ms=percentile(latency_ms, 50),
        p95_ms=percentile(latency_ms, 95),
        p99_ms=percentile(latency_ms, 99),
        longest_ms=percentile(latency_ms, 100),
        refused_p50_ms=percentile(refused.latency_s * 1000, 50),
        refused_p99_ms=percentile(refused.latency_s * 1000, 99),
    )


def _in_time(table: Table, start_s: float, end_s: float, deadline_s: float) -> int:
    right = table.of("ok")
    arrived_s = right.due_s + right.latency_s
    return int(((arrived_s >= start_s) & (arrived_s < end_s) & (right.latency_s <= deadline_s)).sum())
