"""A Docker engine: the one that answers already, or one that is started for the time being."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_START_S = 30.0
_STOP_S = 30.0


class CheckFailed(Exception):
    """Something is not as it must be; the message says what in one sentence."""


def must(holds: bool, complaint: str) -> None:
    """Go on if it holds.

    Raises:
        CheckFailed: it does not; the message is `complaint`.
    """
    if not holds:
        raise CheckFailed(complaint)


@dataclass(frozen=True, kw_only=True)
class Docker:
    """The command line of an engine."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """Beside this process's own."""
    started_here: bool
    """Whether it was started for the check: it then has no network to the outside but the host's."""

    def __call__(self, *arguments: str, timeout_s: float = 60, within: Path | None = None) -> str:
        """Run a command and give what it printed.

        Raises:
            CheckFailed: it failed, or took longer.
        """
        return run(("docker", *arguments), self.environment, timeout_s=timeout_s, within=within)

    def succeeds(self, *arguments: str, timeout_s: float = 60) -> bool:
        """Whether a command ends without an error."""
        try:
            self(*arguments, timeout_s=timeout_s)
        except CheckFailed:
            return False
        return True


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    timeout_s: float,
    within: Path | None = None,
) -> str:
    """What a command prints on standard output.

    Raises:
        CheckFailed: it failed, with the end of what it printed, or took longer than `timeout_s`.
    """
    try:
        done = subprocess.run(
            list(command),
            env={**os.environ, **environment},
            cwd=within,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CheckFailed(f"'{' '.join(command)}' took longer than {timeout_s:.0f} s.") from None
    if done.returncode != 0:
        printed = (done.stdout + done.stderr).strip()[-2000:]
        raise CheckFailed(f"'{' '.join(command)}' ended with {done.returncode}: {printed}")
    return done.stdout


@contextmanager
def engine(folder: Path) -> Iterator[Docker]:
    """An engine that answers; one that had to be started keeps all it has in `folder`, and is ended by its id.

    Raises:
        CheckFailed: none answers and none can be started.
    """
    given = Docker(started_here=False)
    if shutil.which("docker") and given.succeeds("info", timeout_s=10):
        yield given
        return
    for program in ("docker", "dockerd"):
        if shutil.which(program) is None:
            raise CheckFailed(f"No Docker engine answers, and {program} is not installed.")
    if os.geteuid() != 0:
        raise CheckFailed("No Docker engine answers, and only root can start one.")
    with _started(folder) as docker:
        yield docker


@contextmanager
def _started(folder: Path) -> Iterator[Docker]:
    socket = f"unix://{folder / 'docker.sock'}"
    log = folder / "dockerd.log"
    # It leaves the host's firewall and routes alone: containers reach each other and, by their published ports, the
    # host; nothing reaches further.
    command = ["dockerd", "--host", socket, "--data-root", f"{folder / 'data'}", "--exec-root", f"{folder / 'exec'}"]
    command += ["--pidfile", f"{folder / 'pid'}", "--iptables=false", "--ip6tables=false"]
    command += ["--ip-forward=false", "--ip-masq=false"]
    docker = Docker(environment={"DOCKER_HOST": socket}, started_here=True)
    with log.open("wb") as output:
        # A session of its own: an interrupt on the terminal must end the containers first, and then the engine.
        daemon = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        deadline = time.monotonic() + _START_S
        while not docker.succeeds("info", timeout_s=10):
            if daemon.poll() is not None or time.monotonic() > deadline:
                raise CheckFailed(f"dockerd does not start: {log.read_text(errors='replace')[-1000:]}")
            time.sleep(0.2)
        yield docker
    finally:
        daemon.terminate()
        try:
            daemon.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
        _release(folder)


def _release(folder: Path) -> None:
    """Unmount what an engine leaves mounted, without which its folder cannot be removed."""
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for point in sorted((each for each in mounted if each.startswith(f"{folder}/")), reverse=True):
        run(("umount", point), {}, timeout_s=10)
