"""Where an artifact says it comes from."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from export import provenance


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def revision_of_copy_in(folder: Path) -> str:
    shutil.copy(provenance.__file__, folder / "provenance.py")
    script = "import provenance; print(provenance.source_revision())"
    result = subprocess.run(
        [sys.executable, "-B", "-c", script], cwd=folder, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


def test_outside_git_the_revision_is_unknown(tmp_path: Path) -> None:
    assert revision_of_copy_in(tmp_path) == "unknown"


def test_an_untracked_copy_in_somebody_elses_repository_is_unknown(tmp_path: Path) -> None:
    git(tmp_path, "init")
    git(tmp_path, "commit", "--allow-empty", "-m", "theirs")
    assert revision_of_copy_in(tmp_path) == "unknown"


def test_the_revision_is_the_commit_and_says_when_the_code_has_local_changes(tmp_path: Path) -> None:
    shutil.copy(provenance.__file__, tmp_path / "provenance.py")
    code, result = tmp_path / "code.py", tmp_path / "model_repository" / "README.md"
    result.parent.mkdir()
    for file in (code, result):
        file.write_text("before\n")
    git(tmp_path, "init")
    git(tmp_path, "add", "provenance.py", "code.py", "model_repository")
    git(tmp_path, "commit", "-m", "ours")
    clean = revision_of_copy_in(tmp_path)
    assert re.fullmatch(r"[0-9a-f]{12}", clean)
    result.write_text("after\n")
    (tmp_path / "untracked.py").touch()
    assert revision_of_copy_in(tmp_path) == clean
    code.write_text("after\n")
    assert revision_of_copy_in(tmp_path) == clean + "-dirty"


def test_a_command_is_published_without_the_places_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["run", "lenet5", "--data", "/home/ada/my digits", "--runs=/srv/runs", "--repository", "out/models"]
    monkeypatch.setattr(sys, "argv", ["/somewhere/export/__main__.py", *arguments])
    command = "python -m export run lenet5 --data 'my digits' --runs=runs --repository out/models"
    assert provenance.command_line() == command
