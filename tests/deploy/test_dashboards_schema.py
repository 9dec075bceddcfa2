"""The dashboards have the types that Grafana publishes for them, those of every kind of panel included."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.dashboards.generation import FOLDER
from tests.deploy.grafana_library import in_grafana

_TYPES = Path(__file__).parent / "dashboard_types.ts"
_COMPILER = ["--noEmit", "--strict", "--skipLibCheck", "--moduleResolution", "node10", "--module", "es2022"]


@pytest.fixture(scope="module")
def workshop(grafana_packages: Path) -> Path:
    """The compiler, and the types of a dashboard's file made of Grafana's."""
    shutil.copy(_TYPES, grafana_packages)
    return grafana_packages


def compiled(workshop: Path, dashboards: dict[str, Any]) -> str:
    """What the compiler says of dashboards that are written as literals."""
    paths = []
    for name, content in dashboards.items():
        path = workshop / f"{name}.ts"
        literal = json.dumps(content, indent=1)
        path.write_text(
            f'import type {{ DashboardFile }} from "./dashboard_types";\nexport const it: DashboardFile = {literal};\n'
        )
        paths.append(str(path))
    compiler = ["node", "node_modules/typescript/bin/tsc", *_COMPILER, *paths]
    return subprocess.run(compiler, cwd=workshop, capture_output=True, text=True, timeout=120, check=False).stdout


def test_the_files_in_git_are_dashboards(workshop: Path) -> None:
    files = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
    assert len(files) == 4
    assert compiled(workshop, files) == ""


def test_a_wrong_option_a_wrong_value_and_a_wrong_type_are_found(workshop: Path) -> None:
    right = json.loads((FOLDER / "overview.json").read_text())
    lines = next(each for each in right["panels"] if each["type"] == "timeseries")

    def changed(**panel: Any) -> dict[str, Any]:
        return {**right, "panels": [{**lines, **panel}]}

    said = compiled(
        workshop,
        {
            "fine": changed(),
            "option": changed(options={**lines["options"], "legnd": {}}),
            "value": changed(options={**lines["options"], "tooltip": {"mode": "several", "sort": "desc"}}),
            "custom": changed(fieldConfig={"defaults": {"custom": {"drawStyle": "crayon"}}, "overrides": []}),
            "type": {**right, "refresh": 10},
        },
    )
    wrong = {line.split(".ts")[0] for line in said.splitlines() if not line.startswith(" ")}
    assert wrong == {"option", "value", "custom", "type"}


def test_grafana_knows_every_unit(grafana_packages: Path) -> None:
    units = [
        value
        for path in FOLDER.glob("*.json")
        for panel in json.loads(path.read_text())["panels"]
        if "fieldConfig" in panel
        for value in (
            panel["fieldConfig"]["defaults"].get("unit"),
            *(
                each["value"]
                for override in panel["fieldConfig"]["overrides"]
                for each in override["properties"]
                if each["id"] == "unit"
            ),
        )
        if value is not None
    ]
    assert len(units) > 60
    assert in_grafana(grafana_packages, tables=[], units=[*units, "parsecs per fortnight"])["unknown"] == [
        "parsecs per fortnight"
    ]
