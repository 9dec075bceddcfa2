"""Runs Locust by its command line, in a process of its own: it changes the standard library of the one it is in."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest.results.rows import Table, read_csv

ROOT = Path(__file__).parents[2]
LOCUSTFILE = ROOT / "loadtest/locustfile.py"
SMALL = ROOT / "tests/data/boot.png"
_WITHIN_S = 60.0


@dataclass(frozen=True)
class Run:
    """A run that has ended."""

    code: int
    output: str
    folder: Path

    def table(self) -> Table:
        return read_csv(self.folder / "requests.csv")

    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "summary.json").read_text())
        return found


def locust_command(*arguments: object, locustfile: Path = LOCUSTFILE) -> list[str]:
    return [sys.executable, "-m", "locust", "-f", str(locustfile), "--headless", "--only-summary", *map(str, arguments)]


def clean_environment() -> dict[str, str]:
    names = ("LOADTEST_", "LOCUST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(names)}


def run_locust(
    url: str, folder: Path, *arguments: object, locustfile: Path = LOCUSTFILE, descriptors: int | None = None
) -> Run:
    """Until it ends; with `descriptors`, it may have that many files and sockets open."""
    command = locust_command("--host", url, "--report", folder, *arguments, locustfile=locustfile)
    if descriptors is not None:
        command = ["bash", "-c", f"ulimit -n {descriptors}; exec {shlex.join(command)}"]
    with started_locust(command) as locust:
        output, _ = locust.communicate(timeout=_WITHIN_S)
    return Run(locust.returncode, output, folder)


@contextmanager
def started_locust(command: Sequence[str]) -> Iterator["subprocess.Popen[str]"]:
    """A Locust that is killed at the end of the block if it has not ended by then."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def rest_of(process: "subprocess.Popen[str]") -> str:
    """What it says from now on until it ends."""
    assert process.stdout is not None
    output = process.stdout.read()
    process.wait(_WITHIN_S)
    return output


def said(process: "subprocess.Popen[str]", sentence: str) -> str:
    """What it says until a line that holds the sentence."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if sentence in line:
            return "".join(lines)
    raise AssertionError(f"it ended without {sentence!r}:\n{''.join(lines)}")


def kept(stage: dict[str, Any], rate: float) -> bool:
    """Whether a stage of a summary had as many requests as `rate` brings in the time that it took.

    A busy machine ends a stage a moment late, and what comes until then counts. Five standard deviations are allowed.
    """
    expected: float = rate * (stage["end_s"] - stage["start_s"])
    return bool(abs(stage["requests"] - expected) < 5 * expected**0.5)
