"""The dashboards have the types that Grafana publishes for them, those of every kind of panel included."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.dashboards.generation import FOLDER

_TYPES = Path(__file__).parent / "dashboard_types.ts"
_PACKAGES = ("@grafana/schema@11.6.0", "typescript@5.7.3")
_COMPILER = ["--noEmit", "--strict", "--skipLibCheck", "--moduleResolution", "node10", "--module", "es2022"]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiler and Grafana's types."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("types")
    (folder / "package.json").write_text("{}")
    command = [npm, "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", *_PACKAGES]
    installed = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if installed.returncode != 0:
        pytest.skip(f"npm could not install {' and '.join(_PACKAGES)}: {installed.stderr[-500:]}")
    shutil.copy(_TYPES, folder)
    return folder


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
