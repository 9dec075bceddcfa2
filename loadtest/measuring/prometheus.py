"""Watches a service with all its replicas through a Prometheus that scrapes them."""

import json
import math
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from loadtest.measuring.readings import CPU, MEMORY, STAGE, MetricsText, ProcessTree, Totals, Unreadable, get
from loadtest.measuring.servers import Target
from loadtest.measuring.usage import Sampler, Usage, Watch, mean_stage_ms

_LEAST_SCRAPES = 4

Column = NDArray[np.float64]
Series = list[tuple[dict[str, str], list[tuple[float, float]]]]
"""Labels, and the moments and values of what was scraped."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Asks for what was scraped in a stretch of time, with the moments of the scrapes."""

    url: str

    def __enter__(self) -> Self:
        """Look whether it scrapes such a service."""
        if not self._ask(f"sum({CPU})"):
            raise Unreadable(f"The Prometheus at {self.url} has scraped no service of this kind.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing has to end."""

    def usage(self, start_s: float, end_s: float) -> Usage:
        """Of all replicas; memory is resident, shared pages in each worker."""
        cpu = self._scraped(CPU, start_s, end_s)
        most = max((len(samples) for _, samples in cpu), default=0)
        if most < _LEAST_SCRAPES:
            raise Unreadable(
                f"{most} scrapes fall into the {end_s - start_s:.0f} seconds of a step, and {_LEAST_SCRAPES} are "
                f"needed: take longer steps (--seconds), or let the Prometheus at {self.url} scrape more often."
            )
        spent = sum(_increase(samples) / (samples[-1][0] - samples[0][0]) for _, samples in cpu)
        memory = self._scraped(MEMORY, start_s, end_s)
        sums, counts = (self._by_stage(f"{STAGE}_{part}", start_s, end_s) for part in ("sum", "count"))
        passed: Totals = {stage: (seconds, counts.get(stage, 0.0)) for stage, seconds in sums.items()}
        return Usage(spent, *_summed(memory), mean_stage_ms({}, passed))

    def _by_stage(self, name: str, start_s: float, end_s: float) -> dict[str, float]:
        increases: dict[str, float] = {}
        for labels, samples in self._scraped(name, start_s, end_s):
            stage = labels.get("stage", "")
            increases[stage] = increases.get(stage, 0.0) + _increase(samples)
        return increases

    def _scraped(self, name: str, start_s: float, end_s: float) -> Series:
        """All series of a name, as they were scraped between two moments."""
        found = self._ask(f"{name}[{math.ceil((end_s - start_s) * 1000)}ms]", time=f"{end_s:.3f}")
        series = [(each["metric"], [(float(at), float(value)) for at, value in each["values"]]) for each in found]
        return [(labels, samples) for labels, samples in series if len(samples) > 1]

    def _ask(self, query: str, **parameters: str) -> list[dict[str, Any]]:
        text = get(f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': query, **parameters})}")
        try:
            result: list[dict[str, Any]] = json.loads(text)["data"]["result"]
        except (ValueError, KeyError, TypeError):
            raise Unreadable(f"{self.url} does not answer as a Prometheus does.") from None
        return result


def watch_of(target: Target, prometheus: str | None, *, every_s: float = 1.0) -> Watch:
    """How a target is best watched."""
    if prometheus is not None:
        return Prometheus(prometheus.rstrip("/"))
    metrics = MetricsText(target.url) if not target.classify_path else None
    if target.process is not None:
        return Sampler(ProcessTree(target.process, metrics), every_s)
    return Sampler(MetricsText(target.url), every_s)


def _increase(samples: Sequence[tuple[float, float]]) -> float:
    """How much a counter has grown; one that has become less began anew."""
    values = [value for _, value in samples]
    return sum(right - left if right >= left else right for left, right in pairwise(values))


def _summed(series: Series) -> tuple[Column, Column]:
    """The moments at which the first series was scraped, and MiB of all together."""
    moments = np.array([at for at, _ in series[0][1]])
    columns = [np.interp(moments, *np.array(samples).T) for _, samples in series]
    return moments, np.sum(columns, axis=0) / 2**20
