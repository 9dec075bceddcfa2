"""`python -m deploy.check`: the compose file exercised for real, with two replicas, and torn down again.

Where no Docker engine answers, one is started for the time being, as root; where no image can be pulled, stand-ins of
Debian's packages take their places. Takes some minutes.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import httpx
from rich.console import Console

from deploy.check import interruptions, steps
from deploy.check.engine import CheckFailed, Docker, engine
from deploy.check.images import provide
from deploy.check.locust import STAGES, is_load_tested
from deploy.check.sizes import weighed
from deploy.check.stack import ROOT, SERVICES, Stack

_REPLICAS = 2
_BUILD_S = 1200.0
_IMAGE = f"convoy-check:{os.getpid()}"
_LOCUST_IMAGE = f"convoy-check-locust:{os.getpid()}"
# The stage that installs: by a name of its own it can be removed again, and does not stay behind without one.
_STAGE = f"convoy-check-build:{os.getpid()}"


class Report:
    """One line per step, with the time that it took."""

    def __init__(self) -> None:
        self._console = Console(width=150, highlight=False, markup=False)

    def step(self, name: str, work: Callable[[], str]) -> None:
        """Do it, and print what it saw.

        Raises:
            CheckFailed: something is not as it must be, or does not answer.
        """
        began_s = time.monotonic()
        try:
            with self._console.status(name):
                seen = work()
        except (httpx.HTTPError, json.JSONDecodeError, OSError) as error:
            first, *_ = str(error).splitlines() or [""]
            raise CheckFailed(f"{name}: {type(error).__name__}: {first}") from error
        self._console.print(f"{time.monotonic() - began_s:6.1f} s  {name}: {seen}")


def main() -> None:
    """Run all steps; ends with 1 and a sentence at the first that fails."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    report = Report()
    # Short, since the path of a socket may have 107 characters only.
    folder = Path(tempfile.mkdtemp(prefix="convoy-", dir="/tmp"))
    try:
        with engine(folder) as docker:
            _check(docker, folder, report)
    except CheckFailed as error:
        sys.exit(f"deploy-check: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("deploy-check: everything holds, and nothing is left behind")


def end(number: int, _: FrameType | None) -> None:
    """Have a signal tear down what was brought up, instead of leaving it there; further ones do not disturb that."""
    for each in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: None)
    sys.exit(128 + number)


def _check(docker: Docker, folder: Path, report: Report) -> None:
    made: list[str] = []
    try:
        report.step("images", lambda: _images(docker, folder, made))
        report.step("build", lambda: _built(docker, made))
        _exercise(docker, folder, report)
    finally:
        for name in reversed(made):
            docker.succeeds("image", "rm", name)
    left = [name for name in (_IMAGE, _STAGE, _LOCUST_IMAGE) if docker.succeeds("image", "inspect", name)]
    if left:
        raise CheckFailed(f"The images {' and '.join(left)} are left.")


def _exercise(docker: Docker, folder: Path, report: Report) -> None:
    models = folder / "models"
    shutil.copytree(ROOT / "model_repository", models)
    stack = Stack.of(docker, image=_IMAGE, locust_image=_LOCUST_IMAGE, models=models, replicas=_REPLICAS, stages=STAGES)
    began_s = time.time()
    try:
        report.step("up", lambda: _up(stack))
        report.step("answers", lambda: steps.answers(stack))
        report.step("scraped", lambda: steps.is_scraped(stack, replicas=_REPLICAS))
        report.step("load tested", lambda: is_load_tested(stack))
        report.step("replaced one by one", lambda: interruptions.is_replaced_without_a_loss(stack))
        report.step("published", lambda: steps.is_published(stack, models))
        report.step("killed", lambda: interruptions.is_killed(stack, began_s=began_s))
        report.step("dashboards", lambda: steps.is_drawn(stack, began_s=began_s))
        report.step("stopped", lambda: interruptions.is_stopped_without_a_loss(stack))
    except CheckFailed:
        with contextlib.suppress(CheckFailed):
            print(stack.logs(), file=sys.stderr)
        raise
    finally:
        stack.down()
    left = stack.remains()
    if left:
        raise CheckFailed(f"{len(left)} containers, networks or volumes are left: {', '.join(left)}.")


def _images(docker: Docker, folder: Path, made: list[str]) -> str:
    compose = re.findall(r"^    image: ([a-z].*)$", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE)
    needed = [name for name in compose if not name.startswith("grafana/")]
    found = provide(docker, [_base(), *needed], folder, made)
    return ", ".join(f"{name} ({how})" for name, how in found.items())


def _built(docker: Docker, made: list[str]) -> str:
    network = ["--network", "host"] if docker.started_here else []
    locust = ["--file", str(ROOT / "loadtest" / "Dockerfile")]
    for name, options in ((_STAGE, ["--target", "build"]), (_IMAGE, []), (_LOCUST_IMAGE, locust)):
        docker("build", "--quiet", *network, *options, "--tag", name, str(ROOT), timeout_s=_BUILD_S)
        made.append(name)
    return weighed(docker, _IMAGE, base=_base())


def _base() -> str:
    """The image that the Dockerfile begins with."""
    found = re.search(r"^ARG PYTHON=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def _up(stack: Stack) -> str:
    stack.up(*SERVICES)
    interruptions.is_healthy(stack, stack.containers("convoy"))
    return f"{_REPLICAS} replicas healthy behind port {stack.port}"


if __name__ == "__main__":
    main()
