"""What can be seen of a running service from outside: its metrics, its processes and their memory."""

import time
from collections.abc import Callable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.service.live.callers import Caller
from tests.service.live.running import Service


def scrape(service: Service) -> str:
    """The text of /metrics."""
    caller = Caller(service.url)
    try:
        reply = caller.ask("GET", "/metrics")
    finally:
        caller.close()
    assert reply.status == 200
    return reply.body.decode()


def total(text: str, name: str, **labels: str) -> float:
    """Sum of the samples of a name that carry these labels."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def until(check: Callable[[], bool], *, within_s: float, what: str) -> float:
    """Wait until a check holds, and say how many seconds it took."""
    began = time.monotonic()
    while not check():
        assert time.monotonic() - began < within_s, f"not within {within_s} s: {what}"
        time.sleep(0.02)
    return time.monotonic() - began


def workers_of(service: Service) -> list[int]:
    """Process ids of the workers."""
    pid = service.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def resident_mb(pid: int) -> float:
    """Memory of a process in megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
