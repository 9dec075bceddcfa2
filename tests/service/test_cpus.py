import os
from pathlib import Path

import pytest

from service.cpus import available_cpus

HERE = len(os.sched_getaffinity(0))


def group(folder: Path, limit: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.max").write_text(f"{limit} 100000\n")


def membership(folder: Path, path: str) -> Path:
    file = folder / "membership"
    file.write_text(f"0::{path}\n")
    return file


def test_without_a_quota_the_affinity_mask_counts(tmp_path: Path) -> None:
    group(tmp_path / "root", "max")
    assert available_cpus(tmp_path / "root", membership(tmp_path, "/")) == HERE


@pytest.mark.parametrize(("limit", "cpus"), [("100000", 1), ("50000", 1), ("199999", 1), ("6400000", HERE)])
def test_a_quota_counts_in_whole_cores_and_at_least_one(tmp_path: Path, limit: str, cpus: int) -> None:
    group(tmp_path / "root", limit)
    assert available_cpus(tmp_path / "root", membership(tmp_path, "/")) == cpus


def test_the_tightest_quota_above_the_process_counts(tmp_path: Path) -> None:
    root = tmp_path / "root"
    group(root, "max")
    group(root / "slice", "100000")
    group(root / "slice" / "unit", "max")
    assert available_cpus(root, membership(tmp_path, "/slice/unit")) == 1


def test_the_files_of_the_first_version_are_read_too(tmp_path: Path) -> None:
    folder = tmp_path / "root" / "cpu"
    folder.mkdir(parents=True)
    (folder / "cpu.cfs_quota_us").write_text("100000\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    assert available_cpus(tmp_path / "root", tmp_path / "nothing") == 1
    (folder / "cpu.cfs_quota_us").write_text("-1\n")
    assert available_cpus(tmp_path / "root", tmp_path / "nothing") == HERE
