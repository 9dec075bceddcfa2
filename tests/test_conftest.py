"""Skips are failures where CI is set, and only there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOME = """
import pytest

def test_good():
    pass

def test_while_it_runs():
    pytest.skip("no such tool")

@pytest.fixture
def tool():
    pytest.skip("no such browser")

def test_by_its_fixture(tool):
    pass

@pytest.mark.skipif(True, reason="no such data")
def test_marked():
    pass

@pytest.mark.xfail(reason="known", strict=True)
def test_expected_to_fail():
    assert False
"""
WHOLE = """
import pytest

pytest.importorskip("a_module_that_nobody_has")

def test_never_seen():
    pass
"""


def run(folder: Path, test: str, ci: str | None) -> tuple[int, str]:
    """Exit code and output of pytest over a test file, with the hooks of this project."""
    (folder / "test_it.py").write_text(test)
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "PYTEST_ADDOPTS")}
    if ci is not None:
        environment["CI"] = ci
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-ra", "--rootdir", folder, folder],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("ci", [None, "", "false", "0"])
def test_skips_are_skips_elsewhere(tmp_path: Path, ci: str | None) -> None:
    code, output = run(tmp_path, SOME, ci)
    assert code == 0
    assert "1 passed, 3 skipped, 1 xfailed" in output


def test_skips_are_failures_in_ci_and_show_their_reason(tmp_path: Path) -> None:
    code, output = run(tmp_path, SOME, "true")
    assert code == 1
    assert "1 failed, 1 passed, 1 xfailed, 2 errors" in output
    assert "skipped, which is a failure where CI is set" in output
    for reason in ("no such tool", "no such browser", "no such data"):
        assert f"Skipped: {reason}" in output


def test_a_file_that_skips_as_a_whole_is_a_failure_in_ci(tmp_path: Path) -> None:
    code, output = run(tmp_path, WHOLE, "true")
    assert code != 0
    assert "test_it.py was skipped, which is a failure where CI is set" in output
    assert "a_module_that_nobody_has" in output
