"""A real Prometheus, or another of its programs, started for a test and asked over HTTP."""

import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

_START_S = 20.0
_STOP_S = 20.0


@dataclass(frozen=True)
class Sample:
    """One series at one moment."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    def ask(self, query: str) -> list[Sample]:
        """What an expression gives now."""
        result = self._get("query", query=query)["result"]
        return [Sample(each["metric"], float(each["value"][1])) for each in result]

    def names(self) -> set[str]:
        """Names of all series, scraped and recorded."""
        return set(self._get("label/__name__/values"))

    def alerts(self) -> list[dict[str, Any]]:
        """Alerts that are pending or firing."""
        alerts: list[dict[str, Any]] = self._get("alerts")["alerts"]
        return alerts

    def troubles(self) -> list[str]:
        """Rules that could not be evaluated, and why."""
        rules = [rule for group in self._get("rules")["groups"] for rule in group["rules"]]
        return [f"{rule['name']}: {rule['lastError']}" for rule in rules if "lastError" in rule]

    def _get(self, path: str, **parameters: str) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=20).json()
        assert answer["status"] == "success", answer
        return answer["data"]


def program(name: str, package: str = "prometheus") -> str:
    """The path of a program; without it the test is skipped."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed (Debian's package {package} has it)")
    return path


@contextmanager
def running_prometheus(folder: Path, config: Path, port: int) -> Iterator[Prometheus]:
    """Prometheus with a configuration, its data in `folder`."""
    command = [program("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    with running_program([*command, f"--web.listen-address=127.0.0.1:{port}"], folder, port):
        yield Prometheus(f"http://127.0.0.1:{port}")


@contextmanager
def running_program(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """A program of the Prometheus project, from when it is ready until the block ends; its log is in `folder`."""
    log_path = folder / "log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        ends = time.monotonic() + _START_S
        while not _is_ready(port):
            if time.monotonic() > ends or process.poll() is not None:
                raise RuntimeError(f"{command[0]} did not start:\n{log_path.read_text()[-3000:]}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(_STOP_S)


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/-/ready", timeout=2).status_code == 200
    except httpx.TransportError:
        return False
