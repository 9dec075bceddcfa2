import os
from pathlib import Path

import pytest

from service.repository.folder import Published, scan
from tests.service.repository.nets import without_privileges


def publish(root: Path, name: str, version: object, content: str = "good") -> Path:
    folder = root / name / str(version)
    folder.mkdir(parents=True)
    file = folder / "model.onnx"
    file.write_text(content)
    return file


def only(root: Path) -> Published:
    (published,) = scan(root).published.values()
    return published


@pytest.mark.parametrize("version", ["0", "01", "-1", "1.0", "one", "", "9999999999", "\u0661"])
def test_only_positive_integers_are_versions(tmp_path: Path, version: str) -> None:
    publish(tmp_path, "net", version or "x")
    assert scan(tmp_path).published == {}


@pytest.mark.parametrize("name", [".net", "-net", "a b", "näme", "lost+found", "n" * 129])
def test_only_plain_names_are_models(tmp_path: Path, name: str) -> None:
    publish(tmp_path, name, 1)
    assert scan(tmp_path).published == {}


def test_files_where_folders_belong_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "net").write_text("")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "1").write_text("")
    found = scan(tmp_path)
    assert (found.published, found.unreadable) == ({}, {})


def test_a_link_to_a_version_folder_is_followed(tmp_path: Path) -> None:
    publish(tmp_path / "elsewhere", "net", 1)
    (tmp_path / "root" / "net").mkdir(parents=True)
    (tmp_path / "root" / "net" / "7").symlink_to(tmp_path / "elsewhere" / "net" / "1")
    assert set(scan(tmp_path / "root").published) == {("net", 7)}


@pytest.mark.parametrize("change", ["content", "same size and time", "permissions", "another file in its place"])
def test_every_change_of_a_file_changes_its_fingerprint(tmp_path: Path, change: str) -> None:
    file = publish(tmp_path, "net", 1)
    before = only(tmp_path)
    assert only(tmp_path) == before
    times = file.stat()
    if change == "content":
        file.write_text("longer content")
    elif change == "same size and time":
        file.write_text("evil")
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    elif change == "permissions":
        file.chmod(0o600)
    else:
        twin = file.with_name("twin")
        twin.write_text("good")
        os.utime(twin, ns=(times.st_atime_ns, times.st_mtime_ns))
        twin.replace(file)
    assert only(tmp_path) != before


def test_weights_beside_the_graph_belong_to_the_fingerprint_and_other_files_do_not(tmp_path: Path) -> None:
    file = publish(tmp_path, "net", 1)
    before = only(tmp_path)
    file.with_name("README.md").write_text("a card")
    assert only(tmp_path) == before
    file.with_name("model.onnx.data").write_text("weights")
    assert only(tmp_path) != before


def test_a_root_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        scan(tmp_path / "nothing")


def test_a_folder_that_cannot_be_read_now_is_told_apart_from_one_that_is_gone(open_folder: Path) -> None:
    publish(open_folder, "good", 1)
    publish(open_folder, "closed", 1)
    (open_folder / "closed").chmod(0)
    (open_folder / "gone").symlink_to("nowhere")
    with without_privileges():
        found = scan(open_folder)
    assert set(found.published) == {("good", 1)}
    assert found.unreadable == {"closed": "Permission denied"}
