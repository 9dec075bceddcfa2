"""Calls through BentoML's own client."""

import json
import subprocess
import sys
from typing import Any

from tests.service.live.running import ROOT


def said_by(calls: str, *arguments: object) -> dict[str, Any]:
    """What a program with such calls printed last, as JSON.

    In a process of its own: the client's package sets up logging and warnings as it likes.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", calls, *map(str, arguments)],
        capture_output=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr.decode()
    answers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answers
