"""Starts a server in a process of its own, and reads what its whole process tree has used."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

_STOP_S = 20.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    name: str
    port: int
    process: psutil.Process
    start_s: float
    """From the command to the first answer that says ready."""

    def cpu_s(self) -> float:
        """User and system time of all its processes since they began, in seconds."""
        return sum(sum(process.cpu_times()[:2]) for process in self._tree())

    def memory_mib(self) -> float:
        """Memory of all its processes, shared pages divided among those that share them (PSS), in MiB."""
        shared_out_bytes: int = sum(process.memory_full_info().pss for process in self._tree())
        return shared_out_bytes / 2**20

    def resident_mib(self) -> float:
        """Resident memory of all its processes, shared pages counted in each (RSS), in MiB."""
        resident_bytes: int = sum(process.memory_info().rss for process in self._tree())
        return resident_bytes / 2**20

    def _tree(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


def free_port() -> int:
    """A TCP port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    *,
    port: int,
    ready_path: str,
    environment: Mapping[str, str],
    cpus: Sequence[int],
    log: Path,
    start_within_s: float = 60.0,
) -> Iterator[Server]:
    """Run a server on the given cores until the block ends.

    Raises:
        RuntimeError: it ended, or was not ready in time; the message has the end of its log.
    """
    started = time.perf_counter()
    with log.open("wb") as output:
        child = subprocess.Popen(
            list(command), env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
        )
        process = psutil.Process(child.pid)
        process.cpu_affinity(list(cpus))
        try:
            _wait_until_ready(child, f"http://127.0.0.1:{port}{ready_path}", log, started + start_within_s)
            yield Server(name, port, process, time.perf_counter() - started)
        finally:
            child.terminate()
            try:
                child.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _wait_until_ready(child: "subprocess.Popen[bytes]", url: str, log: Path, ends: float) -> None:
    while time.perf_counter() < ends and child.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise RuntimeError(f"{child.args!r} did not start:\n{log.read_text()[-2000:]}")
