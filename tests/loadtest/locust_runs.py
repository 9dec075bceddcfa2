"""Runs Locust by its command line, in a process of its own: it changes the standard library of the one it is in."""

import json
import os
import subprocess
import sys
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


def run_locust(url: str, folder: Path, *arguments: object, locustfile: Path = LOCUSTFILE) -> Run:
    command = locust_command("--host", url, "--report", folder, *arguments, locustfile=locustfile)
    ended = subprocess.run(
        command,
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=_WITHIN_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Run(ended.returncode, ended.stdout + ended.stderr, folder)
