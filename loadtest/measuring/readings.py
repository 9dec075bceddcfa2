"""What a service under load uses and where its time goes: from its processes, its /metrics, or a Prometheus."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import defaultdict
from dataclasses import dataclass
from typing import Protocol

import psutil
from prometheus_client.parser import text_string_to_metric_families

from loadtest.measuring.servers import Target

_CPU = "convoy_process_cpu_seconds_total"
_MEMORY = "convoy_process_resident_memory_bytes"
_STAGE = "convoy_stage_duration_seconds"
# What a scrape has seen is in the answer after one interval at most; deploy/prometheus scrapes every 15 s or faster.
_SCRAPE_S = 16.0

Totals = dict[str, tuple[float, float]]
"""Per stage the seconds spent in it and the number of requests, since the service began."""


class Unreadable(RuntimeError):
    """A service or a Prometheus does not say what it should; the message says why in one sentence."""


class Readings(Protocol):
    """Reads a service's counters."""

    def usage(self) -> tuple[float, float]:
        """CPU seconds since the service began, and memory in MiB."""

    def stage_totals(self) -> Totals:
        """Time per stage; empty for a service that does not measure it."""

    def settle(self) -> None:
        """Wait until what has happened is in the readings."""


@dataclass(frozen=True, slots=True)
class MetricsText:
    """Reads the /metrics of a single service; behind a load balancer it would be another one each time."""

    url: str

    def usage(self) -> tuple[float, float]:
        """As its workers count it; memory is resident, shared pages in each."""
        values = self._values()
        if _CPU not in values or _MEMORY not in values:
            raise Unreadable(f"{self.url}/metrics says nothing of its CPU time and memory.")
        return sum(values[_CPU].values()), sum(values[_MEMORY].values()) / 2**20

    def stage_totals(self) -> Totals:
        """Over all models."""
        values = self._values()
        counts = values[f"{_STAGE}_count"]
        return {stage: (seconds, counts[stage]) for stage, seconds in values[f"{_STAGE}_sum"].items()}

    def settle(self) -> None:
        """Its workers write their counts within a moment."""
        time.sleep(0.3)

    def _values(self) -> dict[str, dict[str, float]]:
        """Samples by name, summed per stage."""
        values: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        try:
            families = list(text_string_to_metric_families(_get(self.url + "/metrics").decode()))
        except ValueError as error:
            raise Unreadable(f"{self.url}/metrics is no text of Prometheus's: {error}.") from None
        for sample in (sample for family in families for sample in family.samples):
            values[sample.name][sample.labels.get("stage", "")] += sample.value
        return values


@dataclass(frozen=True, slots=True)
class ProcessTree:
    """Reads the processes of a service that was started here, and the stages from its /metrics if it has them."""

    process: psutil.Process
    metrics: MetricsText | None

    def usage(self) -> tuple[float, float]:
        """Of the whole tree; memory is PSS: shared pages are divided among those that share them."""
        cpu_s = memory_bytes = 0.0
        try:
            processes = [self.process, *self.process.children(recursive=True)]
        except psutil.NoSuchProcess:
            raise Unreadable("The service has ended.") from None
        for process in processes:
            try:
                cpu_s += sum(process.cpu_times()[:2])
                memory_bytes += process.memory_full_info().pss
            except psutil.NoSuchProcess:
                continue
        return cpu_s, memory_bytes / 2**20

    def stage_totals(self) -> Totals:
        """From /metrics."""
        return self.metrics.stage_totals() if self.metrics is not None else {}

    def settle(self) -> None:
        """As long as /metrics needs."""
        if self.metrics is not None:
            self.metrics.settle()


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Asks a Prometheus that scrapes the service, with all its replicas."""

    url: str

    def usage(self) -> tuple[float, float]:
        """Of all replicas; memory is resident, shared pages in each worker."""
        cpu, memory = self._ask(f"sum({_CPU})"), self._ask(f"sum({_MEMORY})")
        if not (cpu and memory):
            raise Unreadable(f"The Prometheus at {self.url} has scraped no service of this kind.")
        return sum(cpu.values()), sum(memory.values()) / 2**20

    def stage_totals(self) -> Totals:
        """Over all replicas and models."""
        counts = self._ask(f"sum by (stage) ({_STAGE}_count)")
        return {stage: (s, counts.get(stage, 0.0)) for stage, s in self._ask(f"sum by (stage) ({_STAGE}_sum)").items()}

    def settle(self) -> None:
        """Until the next scrape."""
        time.sleep(_SCRAPE_S)

    def _ask(self, query: str) -> dict[str, float]:
        text = _get(f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': query})}")
        return {each["metric"].get("stage", ""): float(each["value"][1]) for each in json.loads(text)["data"]["result"]}


def readings_of(target: Target, prometheus: str | None) -> Readings:
    """How a target is best read."""
    if prometheus is not None:
        return Prometheus(prometheus.rstrip("/"))
    metrics = MetricsText(target.url) if not target.classify_path else None
    if target.process is not None:
        return ProcessTree(target.process, metrics)
    return MetricsText(target.url)


def mean_stage_ms(before: Totals, after: Totals) -> dict[str, float]:
    """Mean milliseconds per request that passed each stage in between."""
    means = {}
    for stage, (seconds, count) in after.items():
        seconds_before, count_before = before.get(stage, (0.0, 0.0))
        if count > count_before:
            means[stage] = (seconds - seconds_before) / (count - count_before) * 1000
    return means


def _get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=20) as response:
            text: bytes = response.read()
            return text
    except (urllib.error.URLError, OSError) as error:
        raise Unreadable(f"{url} cannot be read: {error}.") from None
