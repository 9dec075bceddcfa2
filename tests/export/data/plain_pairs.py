"""Plain pictures of one gray level with masks of two classes, and what a folder of them is found to be."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.data.masked import MaskedPictures
from export.data.masked_folders import MaskedFolder, check_masked_folder, open_masked_folder
from export.errors import BadData, DataNotFound


def put_pair(picture: Path, mask: Path, value: int) -> None:
    """A plain 8 x 6 picture of one gray level, and its mask, half of class 0 and half of class 1."""
    for path in (picture, mask):
        path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 6), value).save(picture)
    ids = np.zeros((6, 8), np.uint8)
    ids[:, 4:] = 1
    Image.fromarray(ids).save(mask)


def put_pairs(home: Path, values: Iterable[int]) -> None:
    for value in values:
        put_pair(home / "images" / f"{value:03}.png", home / "masks" / f"{value:03}.png", value)


def opened(root: Path) -> MaskedFolder:
    folder = open_masked_folder(root, dataset="things")
    check_masked_folder(folder)
    return folder


def fault_of(root: Path) -> str:
    with pytest.raises((BadData, DataNotFound)) as caught:
        opened(root)
    return str(caught.value)


def seen(pictures: MaskedPictures) -> list[int]:
    """The gray level of each plain picture."""
    return [int(np.asarray(picture).flat[0]) for picture, _ in pictures]
