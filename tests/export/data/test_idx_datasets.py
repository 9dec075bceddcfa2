"""The files of a public dataset are found under all their names and in all their places."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from export.data.idx import read_pair
from export.data.idx_datasets import DATASETS, find_part

IdxWriter = Callable[[Path, NDArray[np.uint8]], Path]
MNIST = replace(DATASETS["mnist"], system_folders=())
IMAGES = np.zeros((2, 28, 28), dtype=np.uint8)
LABELS = np.array([3, 4], dtype=np.uint8)


@pytest.fixture
def put_files(write_idx: IdxWriter) -> Callable[..., None]:
    def put(folder: Path, images: str = "train-images-idx3-ubyte", labels: str = "train-labels-idx1-ubyte") -> None:
        write_idx(folder / images, IMAGES)
        write_idx(folder / labels, LABELS)

    return put


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("train-images.idx3-ubyte.gz", "train-labels-idx1-ubyte"),
    ],
)
@pytest.mark.parametrize("below", ["", "mnist"])
def test_files_are_found_in_the_data_folder_and_below(
    tmp_path: Path, put_files: Callable[..., None], images: str, labels: str, below: str
) -> None:
    put_files(tmp_path / below, images, labels)
    assert find_part(MNIST, "train", tmp_path) == (tmp_path / below / images, tmp_path / below / labels)
    assert find_part(MNIST, "test", tmp_path) is None


def test_the_environment_names_the_data_folder(
    tmp_path: Path, put_files: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_files(tmp_path)
    monkeypatch.setenv("CONVOY_DATA", str(tmp_path))
    assert find_part(MNIST, "train", None) is not None
    assert find_part(MNIST, "train", tmp_path / "elsewhere") is None


def test_the_packages_of_the_system_are_looked_at_last(tmp_path: Path, put_files: Callable[..., None]) -> None:
    system = tmp_path / "system"
    dataset = replace(MNIST, system_folders=(system,))
    put_files(system)
    found = find_part(dataset, "train", tmp_path / "data")
    assert found is not None
    assert found[0].parent == system
    put_files(tmp_path / "data")
    found = find_part(dataset, "train", tmp_path / "data")
    assert found is not None
    assert found[0].parent == tmp_path / "data"


def test_images_without_their_labels_do_not_count(tmp_path: Path, write_idx: IdxWriter) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", IMAGES)
    assert find_part(MNIST, "train", tmp_path) is None


def test_files_that_belong_to_another_dataset_are_not_taken(tmp_path: Path) -> None:
    mnist = find_part(DATASETS["mnist"], "train", None)
    if mnist is None:
        pytest.skip("the MNIST files are not here; CONVOY_DATA names their folder")
    fashion = replace(DATASETS["fashion-mnist"], system_folders=())
    for file in mnist:
        (tmp_path / file.name).symlink_to(file.resolve())
    assert find_part(DATASETS["mnist"], "train", tmp_path) is not None
    assert find_part(fashion, "train", tmp_path) is None


@pytest.mark.parametrize("name", DATASETS)
def test_the_real_files_hold_what_was_published(name: str) -> None:
    dataset = DATASETS[name]
    paths = find_part(dataset, "train", None)
    if paths is None:
        pytest.skip(f"the {dataset.title} files are not here; CONVOY_DATA names their folder")
    images, targets = read_pair(*paths, classes=10)
    assert images.shape == (60_000, 28, 28)
    assert len(set(targets.tolist())) == len(dataset.labels)
