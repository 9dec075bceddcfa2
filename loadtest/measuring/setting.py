"""What a result was measured on: without it, no figure can be compared with another."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from loadtest.measuring.generator import Asked
from loadtest.measuring.readings import Unreadable, get
from loadtest.measuring.servers import Target

_ROOT = Path(__file__).parents[2]


def setting_of(target: Target, asked: Asked, answered: Mapping[str, str]) -> dict[str, str]:
    """What was measured, by name, for people to read.

    Args:
        target: What was loaded.
        asked: What was asked.
        answered: The model, or the path, of each endpoint.
    """
    started = f"{target.name}, started for the test on one core"
    setting = {
        "asked": f"{asked.users}: {_models(target, answered)}; pictures in {asked.pictures.name}",
        "service": started if target.process is not None else f"{target.name} at {target.url}",
        "machine": f"{_processor()}, {os.cpu_count()} logical cores, {platform.system()} {platform.machine()}",
        "revision": _revision(),
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": " ".join(["python -m loadtest", *sys.argv[1:]]),
    }
    given = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith("CONVOY_"))
    if given and target.process is not None:
        setting["settings"] = ", ".join(given)
    return setting


def setting_lines(setting: Mapping[str, str]) -> list[str]:
    """As a list in Markdown."""
    return [f"- {name}: {text}" for name, text in setting.items()]


def _models(target: Target, answered: Mapping[str, str]) -> str:
    if target.classify_path:
        return ", ".join(f"{endpoint} at {path}" for endpoint, path in answered.items())
    try:
        listed = {each["name"]: each for each in json.loads(get(f"{target.url}/v1/models"))["models"]}
    except (Unreadable, ValueError, KeyError, TypeError):
        listed = {}
    shown = []
    for endpoint, name in answered.items():
        facts = listed.get(name, {})
        details = [f"{word} {facts[key]}" for word, key in (("version", "version"), ("on", "provider")) if key in facts]
        shown.append(" ".join([endpoint, "of", name, *details]))
    return ", ".join(shown)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def _revision() -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(_ROOT), *arguments], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
        ).stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") + (", changed" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
