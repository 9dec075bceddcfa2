"""A user's own pictures, one folder per class: DIR/<class>/*.png, or DIR/{train,val,test}/<class>/*.png."""

from pathlib import Path

import numpy as np
from PIL import Image

from export.data.dataset import Pictures, SplitName
from export.errors import BadData, DataNotFound
from service.errors import ConvoyError
from service.inference.image import PIXELS_AT_MOST, decode_image

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
SPLIT_FOLDERS: dict[SplitName, tuple[str, ...]] = {
    "train": ("train",),
    "validation": ("val", "validation", "valid"),
    "test": ("test",),
}
"""Names of the folders in which people keep their splits, the first that is there counts."""


def split_folder(root: Path, split: SplitName) -> Path | None:
    """The folder of a split that the user has made, or None; without a train folder there are no splits.

    Raises:
        DataNotFound: `root` is not a folder.
    """
    if not root.is_dir():
        raise DataNotFound(f"{root} is not a folder of pictures.")
    if not any((root / "train").glob("*/")):
        return None
    return next((root / name for name in SPLIT_FOLDERS[split] if (root / name).is_dir()), None)


def class_names(folder: Path) -> tuple[str, ...]:
    """The names of the class folders, sorted; folders whose name starts with a dot do not count.

    Raises:
        BadData: there are fewer than two.
    """
    names = _folders(folder)
    if len(names) < 2:
        found = f"only {names[0]}" if names else "none"
        raise BadData(f"{folder} needs a folder of pictures for each of at least two classes; there is {found}.")
    return tuple(names)


def _folders(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def read_folder(folder: Path, labels: tuple[str, ...], *, dataset: str, split: SplitName) -> Pictures:
    """The pictures of all classes, found by their names' endings and decoded when asked for, as in serving.

    Raises:
        BadData: a class has no pictures, or a folder is of no class.
    """
    strangers = sorted(set(_folders(folder)) - set(labels))
    if strangers:
        raise BadData(f"{folder / strangers[0]} is of a class that the training pictures do not have.")
    files: list[Path] = []
    targets: list[int] = []
    for index, label in enumerate(labels):
        found = sorted(
            path
            for path in (folder / label).rglob("*")
            if path.suffix.lower() in SUFFIXES and path.name[0] != "." and path.is_file()
        )
        if not found and split == "train":
            raise BadData(f"{folder / label} has no pictures.")
        files.extend(found)
        targets.extend([index] * len(found))
    return Pictures(
        dataset=dataset,
        split=split,
        labels=labels,
        targets=np.array(targets, dtype=np.int64),
        read=lambda position: _decode(files[position]),
    )


def _decode(path: Path) -> Image.Image:
    """Decode a file.

    Raises:
        BadData: it cannot be read; the sentence names it.
    """
    try:
        return decode_image(path.read_bytes(), max_pixels=PIXELS_AT_MOST)
    except OSError as error:
        raise BadData(f"{path}: {error.strerror}.") from None
    except ConvoyError as error:
        raise BadData(f"{path}: {error}") from None
