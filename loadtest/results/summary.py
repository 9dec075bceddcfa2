"""What a stretch of a run comes to: exact percentiles, outcomes, goodput, and whether the offered rate was kept."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtest.results.rows import OUTCOMES, Table
from loadtest.results.tables import rounded

DEADLINE_S = 10.0
"""The service's default for CONVOY_DEADLINE_S: goodput counts answers within it."""
ON_TIME_S = 0.05
"""A request that is sent later than this after it was due was not sent on time; limits may ask for less."""
_RATE_TOLERANCE = 0.05
_SIGMAS = 3.0
# What p99 does not see: one request in a thousand, and a single one of a hundred or more.
_LATE_PER_REQUESTS = 1000
_LATE_ONE_FROM = 100


def percentile(values: NDArray[np.float64], percent: float) -> float:
    """The smallest of the values that at least `percent` of them do not exceed (nearest rank); NaN without values."""
    if not len(values):
        return math.nan
    rank = max(1, math.ceil(round(percent / 100 * len(values), 9)))
    return float(np.partition(values, rank - 1)[rank - 1])


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of requests; times in milliseconds from the due moment, NaN where there is nothing to measure."""

    counts: dict[str, int]
    """Requests by outcome, all of OUTCOMES."""
    in_time: int
    """Right answers within the deadline."""
    p50_ms: float
    p95_ms: float
    p99_ms: float
    longest_ms: float
    """Of right answers, as the percentiles are."""
    refused_p50_ms: float
    refused_p99_ms: float

    @property
    def requests(self) -> int:
        """All that were due."""
        return sum(self.counts.values())

    @property
    def failed(self) -> int:
        """Requests that were sent and got neither the right answer nor an orderly refusal."""
        return sum(self.counts[name] for name in ("wrong", "late", "error", "broken"))

    def share(self, outcome: str) -> float:
        """Of all that were due."""
        return _ratio(self.counts[outcome], self.requests)

    @property
    def in_time_share(self) -> float:
        """Right answers within the deadline, of all requests that were sent and not refused; NaN if there are none."""
        return _ratio(self.in_time, self.requests - self.counts["refused"] - self.counts["unsent"])


@dataclass(frozen=True, slots=True)
class Summary:
    """A stretch of a run; rates in requests per second."""

    rate: float
    """That was asked for."""
    seconds: float
    answers: Answers
    by_endpoint: dict[str, Answers]
    """The same for each endpoint that was asked."""
    goodput: float
    """Right answers that arrived in this stretch and within the deadline, per second."""
    on_time_s: float
    """Requests that were sent later than this after they were due were not sent on time."""
    sent_late: int
    late_p99_ms: float
    """How late the generator itself was."""
    generator_problems: tuple[str, ...] = ()
    """What is known to have gone wrong with the generator, in sentences without a stop."""

    @property
    def offered(self) -> float:
        """Requests that were due, per second."""
        return _ratio(self.answers.requests, self.seconds)

    @property
    def on_time_share(self) -> float:
        """Of all that were due."""
        return 1 - _ratio(self.sent_late + self.answers.counts["unsent"], self.answers.requests)

    @property
    def problems(self) -> list[str]:
        """Why the offered rate was not kept, in sentences; empty where it was.

        A Poisson process of rate r comes up with r T requests in T seconds, give or take sqrt(r T); what is further off
        than three of these, and a twentieth, is another rate.
        """
        requests, unsent, wanted = self.answers.requests, self.answers.counts["unsent"], self.rate * self.seconds
        allowed = _RATE_TOLERANCE * wanted + _SIGMAS * math.sqrt(wanted)
        problems = [*self.generator_problems]
        if not self.seconds:
            problems.append(f"the generator passed over the stage of {rounded(self.rate)} requests/s")
        elif not requests or abs(requests - wanted) > allowed:
            problems.append(f"{rounded(self.offered)} requests/s were due instead of {rounded(self.rate)}")
        if unsent:
            problems.append(f"{unsent} of {requests} requests were never sent")
        if self.sent_late > max(requests // _LATE_PER_REQUESTS, int(requests >= _LATE_ONE_FROM)):
            problems.append(
                f"{self.sent_late} of {requests} requests were sent more than {self.on_time_s * 1000:g} ms late"
            )
        return problems

    @property
    def valid(self) -> bool:
        """Whether the offered rate was kept."""
        return not self.problems

    def figures(self) -> dict[str, Any]:
        """All of it as plain values by name, for files; those of the endpoints are dictionaries."""
        return {
            "rate": self.rate,
            "offered": self.offered,
            "goodput": self.goodput,
            **_figures(self.answers),
            "sent_late": self.sent_late,
            "on_time_share": self.on_time_share,
            "late_p99_ms": self.late_p99_ms,
            "valid": self.valid,
            "problems": self.problems,
            "endpoints": {name: _figures(answers) for name, answers in self.by_endpoint.items()},
        }


def summary_of(
    table: Table,
    start_s: float,
    end_s: float,
    *,
    rate: float,
    on_time_s: float = ON_TIME_S,
    generator_problems: Sequence[str] = (),
) -> Summary:
    """Sum up the requests due from `start_s` on and before `end_s` (seconds since the epoch), `rate` per second.

    A stretch that ends before it begins has no length, which is one of its problems.
    """
    end_s = max(start_s, end_s)
    due = table.due_between(start_s, end_s)
    sent = due.but("unsent")
    return Summary(
        rate=rate,
        seconds=end_s - start_s,
        answers=answers_in(due),
        by_endpoint={name: answers_in(due.asked(name)) for name in due.endpoints()},
        goodput=_ratio(_arrived_in_time(table, start_s, end_s), end_s - start_s),
        on_time_s=on_time_s,
        sent_late=int((sent.late_s > on_time_s).sum()),
        late_p99_ms=percentile(sent.late_s, 99) * 1000,
        generator_problems=tuple(generator_problems),
    )


def answers_in(table: Table) -> Answers:
    """What became of the requests of a table."""
    right, refused = table.of("ok"), table.of("refused")
    latency_ms, refused_ms = right.latency_s * 1000, refused.latency_s * 1000
    return Answers(
        counts={name: len(table.of(name)) for name in OUTCOMES},
        in_time=int((right.latency_s <= DEADLINE_S).sum()),
        p50_ms=percentile(latency_ms, 50),
        p95_ms=percentile(latency_ms, 95),
        p99_ms=percentile(latency_ms, 99),
        longest_ms=percentile(latency_ms, 100),
        refused_p50_ms=percentile(refused_ms, 50),
        refused_p99_ms=percentile(refused_ms, 99),
    )


def _figures(answers: Answers) -> dict[str, Any]:
    figures = asdict(answers)
    return {"requests": answers.requests, **figures.pop("counts"), **figures, "in_time_share": answers.in_time_share}


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _arrived_in_time(table: Table, start_s: float, end_s: float) -> int:
    right = table.of("ok")
    arrived_s = right.due_s + right.latency_s
    return int(((arrived_s >= start_s) & (arrived_s < end_s) & (right.latency_s <= DEADLINE_S)).sum())
