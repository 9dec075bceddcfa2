"""What a worker uses and how full it is, sampled twice a second rather than at every request."""

import resource
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge

_PAGE_BYTES = resource.getpagesize()


class ProcessMetrics:
    """Memory, CPU time and the queue; prometheus_client's own process metrics know one process only."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        service_version: str,
        ort_version: str,
        configured_provider: str,
        configured_workers: int,
    ) -> None:
        def gauge(name: str, text: str) -> Gauge:
            return Gauge(name, text, multiprocess_mode="livesum", registry=registry)

        self._queue_depth = gauge("convoy_queue_depth", "Requests that wait for a lane.")
        self._inflight = gauge("convoy_inflight", "Requests that a lane is working on.")
        self._memory = gauge("convoy_process_resident_memory_bytes", "Memory of the workers, shared pages in each.")
        self._workers = gauge("convoy_workers", "Worker processes that are alive.")
        Gauge(
            "convoy_configured_workers",
            "Worker processes that there should be.",
            multiprocess_mode="livemax",
            registry=registry,
        ).set(configured_workers)
        # Of the worker that is scraped, and so the last to say: a probe would have asked the same one.
        self._ready = Gauge(
            "convoy_ready",
            "1 where GET /readyz would be answered with 200, 0 otherwise.",
            multiprocess_mode="livemostrecent",
            registry=registry,
        )
        self._cpu = Counter(
            "convoy_process_cpu_seconds_total", "User and system time of the workers.", registry=registry
        )
        self._cpu_seen_s = 0.0
        Counter("convoy_worker_starts_total", "Worker processes that have started.", registry=registry).inc()
        self._workers.set(1)

        def info(name: str, text: str, **labels: str) -> None:
            Gauge(name, text, list(labels), multiprocess_mode="livemax", registry=registry).labels(**labels).set(1)

        info(
            "convoy_build_info",
            "1, with the versions of the service and of onnxruntime.",
            version=service_version,
            ort_version=ort_version,
        )
        info(
            "convoy_configured_provider_info",
            "1, with the execution provider that models should run on.",
            provider=configured_provider,
        )

    def scraped(self, *, ready: bool) -> None:
        """Note what only the moment of a scrape can tell."""
        self._ready.set(ready)

    def sample(self, *, waiting: int, running: int) -> None:
        """Bring the series up to date."""
        self._queue_depth.set(waiting)
        self._inflight.set(running)
        self._memory.set(int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        used_s = usage.ru_utime + usage.ru_stime
        self._cpu.inc(used_s - self._cpu_seen_s)
        self._cpu_seen_s = used_s
