"""IDX files give back what was written, and damaged ones are refused by name."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from export.data.idx import read_idx, read_pair
from export.errors import BadData

IdxWriter = Callable[[Path, NDArray[np.uint8]], Path]
IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)


@pytest.mark.parametrize("name", ["images-idx3-ubyte", "images-idx3-ubyte.gz"])
def test_an_array_comes_back_as_written(tmp_path: Path, write_idx: IdxWriter, name: str) -> None:
    assert np.array_equal(read_idx(write_idx(tmp_path / name, IMAGES), dimensions=3), IMAGES)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda content: b"\x00\x00\x0d\x03" + content[4:], "starts with 0x00000d03, not 0x00000803"),
        (lambda content: b"", "starts with 0x, not"),
        (lambda content: content[:9], "ends inside its header"),
        (lambda content: content[:-1], "has 75 bytes, but its header of shape (3, 4, 5) asks for 76"),
        (lambda content: content + b"\x00", "has 77 bytes"),
        (lambda content: content[:4] + b"\xff" * 12, "asks for 79228162458924105385300197391"),
    ],
)
def test_a_damaged_file_is_refused_by_name(
    tmp_path: Path, write_idx: IdxWriter, damage: Callable[[bytes], bytes], complaint: str
) -> None:
    path = write_idx(tmp_path / "images", IMAGES)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BadData) as caught:
        read_idx(path, dimensions=3)
    assert str(caught.value).startswith(str(path))
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    "content", [gzip.compress(bytes(1000))[:-9], b"no gzip at all", gzip.compress(bytes(99)) + b"junk", b"\x1f\x8b"]
)
def test_a_damaged_gzip_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    with pytest.raises(BadData, match=r"images\.gz is not"):
        read_idx(path, dimensions=3)


def test_a_pair_gives_images_and_targets(tmp_path: Path, write_idx: IdxWriter) -> None:
    images = write_idx(tmp_path / "images", IMAGES)
    labels = write_idx(tmp_path / "labels.gz", np.array([2, 0, 1], dtype=np.uint8))
    pixels, targets = read_pair(images, labels, classes=3)
    assert pixels.shape == (3, 4, 5)
    assert targets.dtype == np.int64
    assert targets.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [([0, 1], "has 3 images, but .*labels has 2 labels"), ([0, 1, 3], "label 3, but there are only 3 classes")],
)
def test_a_pair_that_does_not_fit_is_refused(
    tmp_path: Path, write_idx: IdxWriter, labels: list[int], complaint: str
) -> None:
    images = write_idx(tmp_path / "images", IMAGES)
    path = write_idx(tmp_path / "labels", np.array(labels, dtype=np.uint8))
    with pytest.raises(BadData, match=complaint):
        read_pair(images, path, classes=3)


def test_a_pair_without_images_is_refused(tmp_path: Path, write_idx: IdxWriter) -> None:
    images = write_idx(tmp_path / "images", IMAGES[:0])
    labels = write_idx(tmp_path / "labels", np.zeros(0, dtype=np.uint8))
    with pytest.raises(BadData, match="has no images"):
        read_pair(images, labels, classes=3)
