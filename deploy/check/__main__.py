"""`python -m deploy.check`: the compose file exercised for real, with two replicas, and torn down again.

Where no Docker engine answers, one is started for the time being, as root; where no image can be pulled, stand-ins of
Debian's packages take their places. Takes some minutes.
"""

import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from deploy.check import steps
from deploy.check.engine import CheckFailed, Docker, engine
from deploy.check.images import provide
from deploy.check.stack import ROOT, Stack

_REPLICAS = 2
_BUILD_S = 1200.0
_IMAGE = "convoy-check"


class _Report:
    """One line per step, with the time that it took."""

    def __init__(self) -> None:
        self._console = Console(width=150, highlight=False)

    def step(self, name: str, work: Callable[[], str]) -> None:
        began_s = time.monotonic()
        with self._console.status(name):
            seen = work()
        self._console.print(f"{time.monotonic() - began_s:6.1f} s  {name}: {seen}")


def main() -> None:
    """Run all steps; ends with 1 and a sentence at the first that fails."""
    report = _Report()
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


def _check(docker: Docker, folder: Path, report: _Report) -> None:
    report.step("images", lambda: _images(docker, folder))
    report.step("build", lambda: _built(docker))
    models = folder / "models"
    shutil.copytree(ROOT / "model_repository", models)
    stack = Stack.of(docker, image=_IMAGE, models=models)
    began_s = time.time()
    try:
        report.step("up", lambda: _up(stack))
        report.step("answers", lambda: steps.answers(stack))
        report.step("scraped", lambda: steps.is_scraped(stack, replicas=_REPLICAS))
        report.step("replaced one by one", lambda: steps.is_replaced_without_a_loss(stack))
        report.step("published", lambda: steps.is_published(stack, models))
        report.step("killed", lambda: steps.is_killed(stack, began_s=began_s))
        report.step("dashboards", lambda: steps.is_drawn(stack, began_s=began_s))
    except CheckFailed:
        print(stack.logs(), file=sys.stderr)
        raise
    finally:
        stack.down()
    left = stack.remains()
    if left:
        raise CheckFailed(f"{len(left)} containers, networks or volumes are left: {', '.join(left)}.")


def _images(docker: Docker, folder: Path) -> str:
    base = re.search(r"^ARG PYTHON=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    compose = re.findall(r"^    image: ([a-z].*)$", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE)
    needed = [name for name in compose if not name.startswith("grafana/")]
    assert base is not None
    found = provide(docker, [base[1], *needed], folder)
    return ", ".join(f"{name} ({how})" for name, how in found.items())


def _built(docker: Docker) -> str:
    network = ["--network", "host"] if docker.started_here else []
    docker("build", "--quiet", *network, "--tag", _IMAGE, str(ROOT), timeout_s=_BUILD_S)
    size_mb, base_mb = (
        int(docker("image", "inspect", "--format", "{{.Size}}", name)) / 1e6 for name in (_IMAGE, _base_of(docker))
    )
    return f"{size_mb:.0f} MB, of which {base_mb:.0f} MB are the base's"


def _base_of(docker: Docker) -> str:
    return docker("image", "ls", "--quiet", "python").split()[0]


def _up(stack: Stack) -> str:
    stack.up(replicas=_REPLICAS)
    steps.is_healthy(stack, stack.containers("convoy"))
    return f"{_REPLICAS} replicas healthy behind port {stack.port}"


if __name__ == "__main__":
    main()
