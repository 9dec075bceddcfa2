"""Asks Grafana's own library, run by Node, what it makes of a dashboard."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

_PROGRAM = Path(__file__).with_name("grafana_tables.cjs")


def in_grafana(packages: Path, *, tables: list[dict[str, Any]], units: list[str]) -> dict[str, Any]:
    """Rows of tables after their transformations, and the units that Grafana does not know; see the program."""
    program = shutil.copy(_PROGRAM, packages)
    told = json.dumps({"tables": tables, "units": units})
    ran = subprocess.run(
        ["node", program], cwd=packages, input=told, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    said: dict[str, Any] = json.loads(ran.stdout)
    return said
