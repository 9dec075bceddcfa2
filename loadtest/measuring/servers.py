"""Starts the service, or the one beside it, by its public command, on a core of its own."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from loadtest.measuring.children import running

_START_S = 60.0
_STOP_S = 40.0


class NotStarted(RuntimeError):
    """A server ended, or was not ready in time; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is put under load."""

    name: str
    url: str
    classify_path: str = ""
    """Where it classifies, if not where Convoy does."""
    process: psutil.Process | None = None
    """Its parent process; None where it was not started here."""

    @property
    def has_ended(self) -> bool:
        """Whether it was started here and runs no more."""
        if self.process is None:
            return False
        # What nobody has waited for yet stays as a zombie.
        return not self.process.is_running() or bool(self.process.status() == psutil.STATUS_ZOMBIE)


def cores() -> tuple[list[int], list[int]]:
    """The core of the server, and that of the generator; the same where there is one only."""
    available = sorted(os.sched_getaffinity(0))
    return available[:1], available[-1:]


@contextmanager
def running_convoy(repository: Path, log: Path) -> Iterator[Target]:
    """Convoy with its defaults over a repository, without a line per request.

    Raises:
        NotStarted: see there.
    """
    port = _free_port()
    settings = {"PORT": str(port), "ACCESS_LOG": "false", "REPOSITORY": str(repository)}
    environment = {f"CONVOY_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "service"]
    with tempfile.TemporaryDirectory(prefix="convoy-load-") as home:
        environment["BENTOML_HOME"] = home
        with _running(command, environment, f"http://127.0.0.1:{port}", "/readyz", log) as (url, process):
            yield Target("Convoy", url, process=process)


@contextmanager
def running_peer(model_file: Path, log: Path) -> Iterator[Target]:
    """The hand-written FastAPI service over one model file; idle connections stay open for as long as Convoy's.

    Raises:
        NotStarted: see there.
    """
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", "benchmarks.fastapi_peer:app", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning", "--timeout-keep-alive", "75"]
    environment = {"PEER_MODEL": str(model_file)}
    with _running(command, environment, f"http://127.0.0.1:{port}", "/openapi.json", log) as (url, process):
        yield Target("FastAPI by hand", url, "/raw", process)


@contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str], url: str, ready_path: str, log: Path
) -> Iterator[tuple[str, psutil.Process]]:
    everything = {**os.environ, **environment}
    with running(command, environment=everything, cores=cores()[0], log=log, stop_s=_STOP_S) as child:
        _wait_until_ready(" ".join(command), child, url + ready_path, log)
        yield url, psutil.Process(child.pid)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(name: str, child: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    ends = time.monotonic() + _START_S
    while time.monotonic() < ends and child.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise NotStarted(f"{name} did not start:\n{log.read_text()[-2000:]}")
