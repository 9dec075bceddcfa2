"""Samples what a service uses while a test runs."""

import threading
import time
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from loadtest.measuring.readings import Readings, Unreadable


class Sampler:
    """Reads CPU and memory from a thread for as long as the block runs."""

    def __init__(self, readings: Readings, every_s: float = 1.0) -> None:
        self._readings = readings
        self._every_s = every_s
        self._samples: list[tuple[float, float, float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Sampler":
        self._read()  # what cannot be read at all is said now, and not in the thread
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def cpu_share(self, start_s: float, end_s: float) -> float:
        """CPU time between two moments (seconds since the epoch) as a share of one core."""
        at_s, cpu_s, _ = self._columns()
        used_s = np.interp([start_s, end_s], at_s, cpu_s)
        return float(used_s[1] - used_s[0]) / (end_s - start_s)

    def memory(self, start_s: float, end_s: float) -> NDArray[np.float64]:
        """MiB between two moments (seconds since the epoch); the nearest sample if there is none."""
        at_s, _, memory_mib = self._columns()
        inside = (at_s >= start_s) & (at_s <= end_s)
        if not inside.any():
            inside[np.argmin(np.abs(at_s - end_s))] = True
        return memory_mib[inside]

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self._read()
            except Unreadable:
                continue  # an overloaded service may refuse a scrape; the next one will do

    def _read(self) -> None:
        cpu_s, memory_mib = self._readings.usage()
        self._samples.append((time.time(), cpu_s, memory_mib))

    def _columns(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        at_s, cpu_s, memory_mib = np.array(self._samples).T
        return at_s, cpu_s, memory_mib
