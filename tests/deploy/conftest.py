"""What Grafana publishes as packages, for the tests of the dashboards."""

import shutil
import subprocess
from pathlib import Path

import pytest

# @grafana/schema comes with @grafana/data.
_PACKAGES = ("@grafana/data@11.6.0", "typescript@5.7.3")


@pytest.fixture(scope="session")
def grafana_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which they are installed, with the TypeScript compiler."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("grafana")
    (folder / "package.json").write_text("{}")
    command = [npm, "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", *_PACKAGES]
    installed = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if installed.returncode != 0:
        pytest.skip(f"npm could not install {' and '.join(_PACKAGES)}: {installed.stderr[-500:]}")
    return folder
