"""Starts that cannot work beyond those of test_start.py, names that mean nothing, and a repository nobody may read."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.settings import InvalidSettings, Settings
from tests.service.live.running import ROOT, free_port, service_environment

PYTHON_M = ["-m", "service"]
BENTOML = ["-m", "bentoml", "serve", "service.app:Convoy"]
# Documentation addresses (RFC 5737): no machine has one.
FOREIGN_ADDRESS = "203.0.113.7"
NOBODY = 65534


def start(folder: Path, command: list[str], **variables: object) -> "subprocess.CompletedProcess[str]":
    (folder / "repository").mkdir(exist_ok=True)
    environment = service_environment(folder, folder / "repository", port=free_port())
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**environment, **{name: str(value) for name, value in variables.items()}},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


CASES: dict[str, tuple[list[str], dict[str, object], str]] = {
    "a port that is a word": (PYTHON_M, {"CONVOY_PORT": "http"}, "CONVOY_PORT=http cannot work"),
    "a port beyond all": (PYTHON_M, {"CONVOY_PORT": 70000}, "CONVOY_PORT=70000 cannot work"),
    "a port beyond all, as an option": ([*BENTOML, "--port", "99999"], {}, "cannot listen on 127.0.0.1 port 99999"),
    "another machine's address": (PYTHON_M, {"CONVOY_HOST": FOREIGN_ADDRESS}, f"CONVOY_HOST={FOREIGN_ADDRESS}"),
    "the same, framework": (BENTOML, {"CONVOY_HOST": FOREIGN_ADDRESS}, f"cannot listen on {FOREIGN_ADDRESS}"),
    "a number below its range": (PYTHON_M, {"CONVOY_THREADS": -1}, "CONVOY_THREADS=-1 cannot work"),
    "a number that is none": (BENTOML, {"CONVOY_DEADLINE_S": "soon"}, "CONVOY_DEADLINE_S=soon cannot work"),
    "no workers at all": (PYTHON_M, {"CONVOY_WORKERS": 0}, "CONVOY_WORKERS=0 cannot work"),
    "a repository that is a file": (PYTHON_M, {"CONVOY_REPOSITORY": __file__}, "CONVOY_REPOSITORY="),
    "the same, framework, file": (BENTOML, {"CONVOY_REPOSITORY": __file__}, "CONVOY_REPOSITORY="),
    "a home that is a file": (PYTHON_M, {"BENTOML_HOME": __file__}, "BENTOML_HOME="),
}


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, "subprocess.CompletedProcess[str]"]]:
    """All the starts, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        futures = {
            name: pool.submit(start, tmp_path_factory.mktemp("start"), command, **variables)
            for name, (command, variables, _) in CASES.items()
        }
        yield {name: future.result() for name, future in futures.items()}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_work_ends_the_start_with_one_sentence(
    ends: dict[str, "subprocess.CompletedProcess[str]"], case: str
) -> None:
    ended = ends[case]
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("convoy: ")
    assert CASES[case][2] in line
    assert line.endswith(".")
    assert ended.stdout == ""


def test_names_that_mean_nothing_are_told_and_stop_nothing(tmp_path: Path) -> None:
    ended = start(tmp_path, PYTHON_M, CONVOY_PROT=1, SOMETHING=2, CONVOY_WORKERS=0)
    first, second = ended.stderr.splitlines()
    assert first == "convoy: CONVOY_PROT is not a setting and has no effect; did you mean CONVOY_PORT?"
    assert second.startswith("convoy: CONVOY_WORKERS=0 cannot work")


def test_the_command_takes_no_arguments_but_help_and_settings(tmp_path: Path) -> None:
    assert start(tmp_path, [*PYTHON_M, "--port", "3000"]).returncode == 2
    shown = start(tmp_path, [*PYTHON_M, "--settings"])
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == (ROOT / "docs/settings.md").read_text()


def test_a_repository_that_may_not_be_read_is_refused() -> None:
    """In a process of its own, because root may read everything."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0)
        child = os.fork()
        if child == 0:
            if os.getuid() == 0:
                os.setuid(NOBODY)
            try:
                Settings(repository=Path(folder)).check_repository()
            except InvalidSettings as error:
                os._exit(0 if str(error).endswith(f"{folder} cannot work: it cannot be read.") else 2)
            os._exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        Path(folder).chmod(0o700)
