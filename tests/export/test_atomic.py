"""Files appear whole or not at all."""

from pathlib import Path

import pytest

from export.atomic import write_whole


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "figures.csv"
    path.write_text("old")

    def break_off(temporary: Path) -> None:
        temporary.write_text("half")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_whole(path, break_off)
    assert [file.name for file in tmp_path.iterdir()] == ["figures.csv"]
    assert path.read_text() == "old"


def test_missing_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "a" / "notes"
    write_whole(path, lambda temporary: temporary.write_text("new"))
    assert path.read_text() == "new"
