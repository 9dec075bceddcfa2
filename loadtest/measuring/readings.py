"""The counters of a service: as its /metrics has them, or as the system counts for its processes."""

import http.client
import time
import urllib.error
import urllib.request
from collections import defaultdict
from dataclasses import dataclass
from typing import Protocol

import psutil
from prometheus_client.parser import text_string_to_metric_families

CPU = "convoy_process_cpu_seconds_total"
MEMORY = "convoy_process_resident_memory_bytes"
STAGE = "convoy_stage_duration_seconds"

Totals = dict[str, tuple[float, float]]
"""Per stage the seconds spent in it and the number of requests, since the service began."""


# An overloaded service may be slow to say; the next look will do.
_PATIENCE_S = 5.0


class Unreadable(RuntimeError):
    """A service or a Prometheus does not say what it should; the message says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a service."""

    at_s: float
    """Seconds since the epoch."""
    cpu_s: float
    """CPU seconds since it began."""
    memory_mib: float
    stages: Totals | None
    """Time per stage; empty for a service that does not measure it, None where it did not answer."""


class Readings(Protocol):
    """Reads a service's counters."""

    def read(self) -> Reading:
        """Look at them now.

        Raises:
            Unreadable: see there.
        """


@dataclass(frozen=True, slots=True)
class MetricsText:
    """Reads the /metrics of a single service; behind a load balancer it would be another one each time."""

    url: str

    def read(self) -> Reading:
        """As its workers count it; memory is resident, shared pages in each."""
        values = self._values()
        if CPU not in values or MEMORY not in values:
            raise Unreadable(f"{self.url}/metrics says nothing of its CPU time and memory.")
        cpu_s, memory_bytes = sum(values[CPU].values()), sum(values[MEMORY].values())
        return Reading(time.time(), cpu_s, memory_bytes / 2**20, _totals(values))

    def stages(self) -> Totals:
        """Time per stage alone."""
        return _totals(self._values())

    def _values(self) -> dict[str, dict[str, float]]:
        """Samples by name, summed per stage."""
        values: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        try:
            families = list(text_string_to_metric_families(get(self.url + "/metrics").decode()))
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

    def read(self) -> Reading:
        """Of the whole tree; memory is PSS: shared pages are divided among those that share them."""
        at_s = time.time()
        cpu_s = memory_bytes = 0.0
        try:
            processes = [self.process, *self.process.children(recursive=True)]
        except psutil.NoSuchProcess:
            raise Unreadable("The service has ended.") from None
        for process in processes:
            try:
                times = process.cpu_times()
                # What a worker has used that has ended is with the parent that waited for it.
                cpu_s += times.user + times.system + times.children_user + times.children_system
                memory_bytes += process.memory_full_info().pss
            except psutil.NoSuchProcess:
                continue
        return Reading(at_s, cpu_s, memory_bytes / 2**20, self._stages())

    def _stages(self) -> Totals | None:
        if self.metrics is None:
            return {}
        try:
            return self.metrics.stages()
        except Unreadable:
            return None  # its processes can be read all the same


def get(url: str) -> bytes:
    """The body of an answer.

    Raises:
        Unreadable: there is none.
    """
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE_S) as response:
            text: bytes = response.read()
            return text
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise Unreadable(f"{url} cannot be read: {error}.") from None


def _totals(values: dict[str, dict[str, float]]) -> Totals:
    counts = values.get(f"{STAGE}_count", {})
    return {stage: (seconds, counts.get(stage, 0.0)) for stage, seconds in values.get(f"{STAGE}_sum", {}).items()}
