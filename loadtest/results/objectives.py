"""Service-level objectives per endpoint: read from one file, judged against exact percentiles."""

import math
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtest.results.rows import ENDPOINTS, Table
from loadtest.results.summary import ON_TIME_S, percentile

DEFAULT_FILE = Path(__file__).parents[1] / "objectives.toml"
# A generator that is late by less than this share of a limit is not what misses it.
_LATE_SHARE = 0.2
# Closer than this no generator keeps its schedule.
_LEAST_ON_TIME_S = 0.005
# Lateness that one request in a thousand may have moves no percentile below.
_MOVED_FROM = 90.0
_PERCENTILE = re.compile(r"p(\d{1,2}(?:_\d+)?)_ms")


class InvalidObjectives(ValueError):
    """The file of objectives cannot be used; the message says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Objective:
    """A limit for one figure of one endpoint: `percent` of the right answers within `limit` ms or, where `percent` is
    None, the share of requests without the right answer at most `limit`.
    """

    endpoint: str
    percent: float | None
    limit: float

    @property
    def name(self) -> str:
        """The figure that is limited, in short."""
        return "the error share" if self.percent is None else f"p{self.percent:g}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was measured for an objective."""

    objective: Objective
    measured: float

    @property
    def met(self) -> bool:
        """Whether the objective holds; a percentile of no answers at all (NaN) does not."""
        return self.measured <= self.objective.limit

    def is_worse_than(self, other: "Verdict") -> bool:
        """Whether more was measured for the same objective; nothing at all (NaN) is the worst."""
        return math.isnan(self.measured) or self.measured > other.measured

    def __str__(self) -> str:
        if math.isnan(self.measured):
            return f"{self.objective.endpoint}: no right answer to measure {self.objective.name} on"
        relation = "within" if self.met else "above"
        if self.objective.percent is None:
            return (
                f"{self.objective.endpoint}: {self.measured:.3%} without the right answer, "
                f"{relation} the objective of {self.objective.limit:.3%}"
            )
        return (
            f"{self.objective.endpoint}: p{self.objective.percent:g} {self.measured:.1f} ms, "
            f"{relation} the objective of {self.objective.limit:g} ms"
        )


def read_objectives(path: Path = DEFAULT_FILE) -> list[Objective]:
    """The objectives in a TOML file: a table per endpoint with `p<n>_ms` (`p99_9_ms` is 99.9 %) and `error_share`.

    Raises:
        InvalidObjectives: it cannot be read, names another endpoint or figure, or a limit that is no number from 0 up.
    """
    try:
        tables = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidObjectives(f"{path} cannot be read: {error}.") from None
    objectives = []
    for endpoint, limits in tables.items():
        if endpoint not in ENDPOINTS or not isinstance(limits, dict):
            raise InvalidObjectives(f"{path}: {endpoint!r} is no endpoint; there are {', '.join(ENDPOINTS)}.")
        for figure, limit in limits.items():
            if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit >= 0:
                raise InvalidObjectives(f"{path}: {figure} of {endpoint} has to be a number of at least 0.")
            if figure == "error_share" and limit > 1:
                raise InvalidObjectives(f"{path}: error_share of {endpoint} is a share, from 0 to 1.")
            objectives.append(Objective(endpoint, _percent(path, endpoint, figure), float(limit)))
    return objectives


def _percent(path: Path, endpoint: str, figure: str) -> float | None:
    if figure == "error_share":
        return None
    match = _PERCENTILE.fullmatch(figure)
    if match is None or not float(match[1].replace("_", ".")):
        raise InvalidObjectives(
            f"{path}: {figure} of {endpoint} is neither a percentile such as p99_ms nor error_share."
        )
    return float(match[1].replace("_", "."))


def judge(objectives: Sequence[Objective], table: Table) -> list[Verdict]:
    """Measure every objective whose endpoint was asked; requests that the generator did not send say nothing.

    Raises:
        InvalidObjectives: an endpoint was asked that has no objective.
    """
    require(objectives, table.endpoints())
    sent = table.but("unsent")
    verdicts = []
    for objective in objectives:
        asked = sent.asked(objective.endpoint)
        if not len(asked):
            continue
        right = asked.of("ok")
        if objective.percent is None:
            measured = 1 - len(right) / len(asked)
        else:
            measured = percentile(right.latency_s * 1000, objective.percent)
        verdicts.append(Verdict(objective, measured))
    return verdicts


def require(objectives: Sequence[Objective], endpoints: Iterable[str]) -> None:
    """Check that there is something to judge each endpoint by.

    Raises:
        InvalidObjectives: one of them has no objective.
    """
    if missing := sorted(set(endpoints) - {each.endpoint for each in objectives}):
        raise InvalidObjectives(f"There is no objective for {' and '.join(missing)}, so nothing could be missed there.")


def on_time_s(objectives: Sequence[Objective], asked: Iterable[str]) -> float:
    """How late a request may be sent without deciding a verdict.

    A fifth of the smallest limit of a high percentile of an endpoint that is asked, from 5 ms to ON_TIME_S.
    """
    endpoints = set(asked)
    limits_s = [
        each.limit / 1000
        for each in objectives
        if each.endpoint in endpoints and each.percent is not None and each.percent >= _MOVED_FROM
    ]
    return max(_LEAST_ON_TIME_S, min([ON_TIME_S, *(_LATE_SHARE * limit_s for limit_s in limits_s)]))
