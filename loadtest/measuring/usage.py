"""What a service uses while a test runs, and where its time goes: sampled from a thread of this process."""

import math
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from loadtest.measuring.readings import Reading, Readings, Totals, Unreadable


@dataclass(frozen=True, slots=True)
class Usage:
    """What a service used in a stretch of time."""

    cpu_share: float
    """CPU time as a share of one core."""
    memory_at_s: NDArray[np.float64]
    """Moments of the samples of memory, seconds since the epoch."""
    memory_mib: NDArray[np.float64]
    """All samples; the nearest one where none fell into the stretch."""
    stage_ms: dict[str, float]
    """Mean milliseconds per request that passed each stage of the service; empty where it measures none."""

    def memory_between(self, start_s: float, end_s: float) -> NDArray[np.float64]:
        """The samples of a part of the stretch; the nearest one where none fell into it."""
        return self.memory_mib[inside_or_nearest(self.memory_at_s, start_s, end_s)]


class Watch(Protocol):
    """Watches a service for as long as a block runs."""

    def __enter__(self) -> Self:
        """Begin; what cannot be read at all is said here.

        Raises:
            Unreadable: see there.
        """

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End."""

    def usage(self, start_s: float, end_s: float) -> Usage:
        """Between two moments in the block (seconds since the epoch).

        Raises:
            Unreadable: they are too near to each other to say.
        """


class Sampler:
    """Reads a service's counters once in a while."""

    def __init__(self, readings: Readings, every_s: float = 1.0) -> None:
        self._readings = readings
        self._every_s = every_s
        self._samples: list[Reading] = []
        self._failure: Exception | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        """Read once, then begin."""
        self._read()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End; what went wrong in the thread is raised here."""
        self._stop.set()
        self._thread.join()
        if self._failure is not None and error is None:
            raise self._failure

    def usage(self, start_s: float, end_s: float) -> Usage:
        """Counters between two looks are taken to grow evenly."""
        at_s, cpu_s, memory_mib = np.array([(each.at_s, each.cpu_s, each.memory_mib) for each in self._samples]).T
        used_s = np.interp([start_s, end_s], at_s, cpu_s)
        inside = inside_or_nearest(at_s, start_s, end_s)
        return Usage(
            float(used_s[1] - used_s[0]) / (end_s - start_s) if end_s > start_s else math.nan,
            at_s[inside],
            memory_mib[inside],
            mean_stage_ms(self._totals(start_s), self._totals(end_s)),
        )

    def _totals(self, moment_s: float) -> Totals:
        known = [(each.at_s, each.stages) for each in self._samples if each.stages is not None]
        at_s = [at for at, _ in known]
        totals = {}
        for stage in {stage for _, stages in known for stage in stages}:
            series = np.array([stages.get(stage, (0.0, 0.0)) for _, stages in known])
            spent_s, count = (float(np.interp(moment_s, at_s, column)) for column in series.T)
            totals[stage] = (spent_s, count)
        return totals

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self._read()
            except Unreadable:
                continue  # an overloaded service may refuse a scrape; the next one will do
            except Exception as error:
                self._failure = error
                return

    def _read(self) -> None:
        self._samples.append(self._readings.read())


def inside_or_nearest(at_s: NDArray[np.float64], start_s: float, end_s: float) -> NDArray[np.bool_]:
    """Which of (N,) moments lie between two others; where none does, the one that is nearest to the end."""
    inside: NDArray[np.bool_] = (at_s >= start_s) & (at_s <= end_s)
    if not inside.any():
        inside[np.argmin(np.abs(at_s - end_s))] = True
    return inside


def mean_stage_ms(before: Totals, after: Totals) -> dict[str, float]:
    """Mean milliseconds per request that passed each stage in between."""
    means = {}
    for stage, (seconds, count) in sorted(after.items()):
        seconds_before, count_before = before.get(stage, (0.0, 0.0))
        if count > count_before:
            means[stage] = (seconds - seconds_before) / (count - count_before) * 1000
    return means
