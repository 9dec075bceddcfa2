"""Starts the real service in processes of its own, on a free port, and stops it again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

_START_S = 60.0
_STOP_S = 30.0
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Service:
    """A running service."""

    url: str
    process: "subprocess.Popen[bytes]"
    log_path: Path

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self.log_path.read_text()

    def client(self, **options: object) -> httpx.Client:
        """An HTTP client for it, with a timeout."""
        return httpx.Client(base_url=self.url, timeout=20, **options)  # type: ignore[arg-type]


def free_port() -> int:
    """A TCP port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def service_environment(folder: Path, repository: Path, **settings: object) -> dict[str, str]:
    """The environment of a service: settings by their lower-case names, nothing of ours left over."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CONVOY_")}
    given = {f"CONVOY_{name.upper()}": str(value) for name, value in settings.items()}
    own = {"CONVOY_REPOSITORY": str(repository), "CONVOY_PROVIDER": "cpu", "BENTOML_HOME": str(folder / "home")}
    return {**inherited, **own, **given}


@contextmanager
def running_service(
    folder: Path,
    repository: Path,
    *,
    ready: bool = True,
    module: tuple[str, ...] = ("service",),
    within: Path = ROOT,
    **settings: object,
) -> Iterator[Service]:
    """A service over `repository`, its files in `folder`; with `ready`, it is waited for until /readyz says 200.

    `module` and its arguments are what is started, `within` a folder.
    """
    settings = {"port": free_port(), **settings}
    log_path = folder / "service.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            cwd=within,
            env=service_environment(folder, repository, **settings),
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    service = Service(f"http://127.0.0.1:{settings['port']}", process, log_path)
    try:
        _wait(service, "/readyz" if ready else "/livez")
        yield service
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _wait(service: Service, path: str) -> None:
    ends = time.monotonic() + _START_S
    while time.monotonic() < ends and service.process.poll() is None:
        try:
            if httpx.get(service.url + path, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"the service did not start:\n{service.log[-3000:]}")
