"""A real browser without a window: opens a page, and says what the page became and what it asked for."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_TIME_FOR_SCRIPTS_MS = 8000
_TIMEOUT_S = 60


@dataclass(frozen=True)
class Page:
    """What became of a page."""

    dom: str
    """Its elements once its scripts have run."""
    requested: set[str]
    """Every address that it asked for, its own among them."""
    complaints: list[str]
    """What it wrote to the console."""


def find_browser() -> str | None:
    """Path of the browser; None where there is none."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


def open_page(browser: str, url: str, folder: Path) -> Page:
    """Open `url`; the browser's own files go to `folder`."""
    log_path = folder / "net.json"
    done = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
            f"--user-data-dir={folder / 'profile'}",
            f"--virtual-time-budget={_TIME_FOR_SCRIPTS_MS}",
            f"--log-net-log={log_path}",
            "--dump-dom",
            url,
        ],
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=True,
    )
    complaints = re.findall(r":CONSOLE[^\]]*\] (.*)", done.stderr.decode())
    return Page(done.stdout.decode(), _requested(json.loads(log_path.read_text()), url), complaints)


def _requested(log: dict[str, Any], url: str) -> set[str]:
    """The addresses in the browser's network log that belong to the page; the browser has errands of its own."""
    start_job = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    site = f"http://{urlsplit(url).hostname}"
    started = [event.get("params") or {} for event in log["events"] if event["type"] == start_job]
    return {
        params["url"]
        for params in started
        if "url" in params and params.get("network_isolation_key", "").split(" ")[0] == site
    }
