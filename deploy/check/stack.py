"""The compose file, brought up under a name of its own on ports of its own."""

import json
import os
import re
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx

from deploy.check.engine import CheckFailed, Docker, run

ROOT = Path(__file__).parents[2]
SERVICES = ("convoy", "loadbalancer", "prometheus", "alertmanager")
"""What is exercised all the time; Grafana draws what Prometheus answers."""
_PORTS = ("CONVOY", "PROMETHEUS", "ALERTMANAGER", "GRAFANA", "LOCUST")
_UP_S = 300.0
# The load balancer and then the replicas have 70 s each.
_DOWN_S = 240.0
_POLL_S = 0.5

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One project of docker compose."""

    docker: Docker
    project: str
    environment: Mapping[str, str]
    """What the compose file is told: image, models, ports."""

    @classmethod
    def of(cls, docker: Docker, *, image: str, locust_image: str, models: Path, replicas: int, stages: str) -> "Stack":
        """A project that meets no other one; `stages` are those of its load test."""
        ports = {f"{name}_PORT": str(_free_port()) for name in _PORTS}
        environment = {
            **docker.environment,
            **ports,
            "CONVOY_BIND": "127.0.0.1",
            "CONVOY_IMAGE": image,
            "CONVOY_IMAGE_LOCUST": locust_image,
            "CONVOY_MODELS": str(models),
            "CONVOY_REPLICAS": str(replicas),
            "CONVOY_CPUS": "1",
            "CONVOY_ACCESS_LOG": "false",
            # So short that a hundred callers are too many.
            "CONVOY_QUEUE_SIZE": "16",
            "COMPOSE_PROFILES": "loadtest",
            "LOADTEST_STAGES": stages,
            # Not that of somebody's .env, which does not go with stages.
            "LOADTEST_SHAPE": "",
        }
        return cls(docker=docker, project=f"convoycheck{os.getpid()}", environment=environment)

    @property
    def port(self) -> int:
        """Of the load balancer."""
        return int(self.environment["CONVOY_PORT"])

    @property
    def prometheus_url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.environment['PROMETHEUS_PORT']}"

    @property
    def locust_url(self) -> str:
        """Of Locust's page."""
        return f"http://127.0.0.1:{self.environment['LOCUST_PORT']}"

    def up(self, *services: str, scale: Mapping[str, int] | None = None) -> None:
        """Start these services, and so many of some; returns before anything is ready."""
        scales = [f"--scale={service}={number}" for service, number in (scale or {}).items()]
        self._compose("up", "--detach", "--no-build", *scales, *services, timeout_s=_UP_S)

    def remove(self, *services: str) -> None:
        """Stop these services and remove their containers."""
        self._compose("rm", "--stop", "--force", *services, timeout_s=_DOWN_S)

    def stop(self) -> None:
        """Stop everything, and leave it where it is."""
        self._compose("stop", timeout_s=_DOWN_S)

    def down(self) -> None:
        """Stop and remove everything, volumes included."""
        self._compose("down", "--volumes", "--remove-orphans", timeout_s=_DOWN_S)

    def containers(self, service: str) -> list[str]:
        """Ids of the service's containers, those that have stopped included."""
        return self._compose("ps", "--all", "--quiet", service).split()

    def logs(self) -> str:
        """The end of what all containers have printed."""
        return self._compose("logs", "--no-color", "--tail", "40")

    def remains(self) -> list[str]:
        """Containers, networks and volumes that are still there."""
        label = f"label=com.docker.compose.project={self.project}"
        lists = (("ps", "--all"), ("network", "ls"), ("volume", "ls"))
        return [name for kind in lists for name in self.docker(*kind, "--quiet", "--filter", label).split()]

    def get(self, path: str) -> Any:
        """JSON of a route behind the load balancer.

        Raises:
            httpx.HTTPError: it does not answer, or not with 200.
        """
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=10).raise_for_status().json()

    def prometheus(self, path: str, **parameters: str) -> Any:
        """The `data` of an answer of Prometheus's API.

        Raises:
            httpx.HTTPError: it does not answer, or not with 200.
        """
        url = f"{self.prometheus_url}/api/v1/{path}?{urlencode(parameters)}"
        return httpx.get(url, timeout=20).raise_for_status().json()["data"]

    def alertmanager(self, path: str) -> Any:
        """An answer of Alertmanager's API."""
        url = f"http://127.0.0.1:{self.environment['ALERTMANAGER_PORT']}/api/v2/{path}"
        return httpx.get(url, timeout=10).raise_for_status().json()

    def ask_inside(self, container: str, path: str) -> Any:
        """JSON of a route of one replica, asked for inside its own container."""
        return json.loads(self._fetched(container, f"http://127.0.0.1:3000{path}"))

    def balanced(self) -> int:
        """To how many replicas the load balancer sends requests, by its own account; any replica asks it."""
        text = self._fetched(self.containers("convoy")[0], "http://loadbalancer:8404/metrics?scope=server")
        return ready_servers(text)

    def first(self, event: str, container: str, *, since_s: float) -> float:
        """When the engine first saw this happen to a container, in seconds since 1970.

        Raises:
            CheckFailed: it never did.
        """
        command = ["events", "--since", f"{since_s:.3f}", "--until", f"{time.time():.3f}", "--format", "{{.TimeNano}}"]
        command += ["--filter", f"container={container}", "--filter", f"event={event}"]
        times = self.docker(*command).split()
        if not times:
            raise CheckFailed(f"The engine saw no '{event}' of {container[:12]}.")
        return int(times[0]) / 1e9

    def _fetched(self, container: str, url: str) -> str:
        code = f"import urllib.request as r; print(r.urlopen('{url}', timeout=5).read().decode())"
        return self.docker("exec", container, "python", "-c", code)

    def _compose(self, *arguments: str, timeout_s: float = 60) -> str:
        command = ["docker", "compose"] if self.docker.succeeds("compose", "version") else ["docker-compose"]
        command += ["--project-name", self.project, "--file", str(ROOT / "docker-compose.yml")]
        return run([*command, *arguments], self.environment, timeout_s=timeout_s, within=ROOT)


def ready_servers(metrics: str) -> int:
    """To how many replicas HAProxy sends requests, by what its exporter says."""
    up, checked = (
        set(
            re.findall(
                rf'^haproxy_server_{series}\{{proxy="replicas",server="(\w+)",state="{state}"\}} 1$', metrics, re.M
            )
        )
        for series, state in (("status", "UP"), ("check_status", "L7OK"))
    )
    # One that has not been checked yet is taken for up.
    return len(up & checked)


def until(look: Callable[[], Answer | None], *, within_s: float, what: str) -> Answer:
    """What `look` finds, as soon as it is neither None nor false; an answer that fails is one that is not there yet.

    Raises:
        CheckFailed: it found nothing in time.
    """
    deadline = time.monotonic() + within_s
    problem = ""
    while True:
        try:
            found = look()
        except (httpx.HTTPError, CheckFailed) as error:
            found, problem = None, f" ({error})"
        if found:
            return found
        if time.monotonic() > deadline:
            raise CheckFailed(f"{what}: not within {within_s:.0f} s{problem}.")
        time.sleep(_POLL_S)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
