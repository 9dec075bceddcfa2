"""What a dataset is to the stages: labelled pictures, read when asked for, and the arrays made of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SplitName = Literal["train", "validation", "test"]


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """Where the files of a dataset are looked for."""

    data_dir: Path | None = None
    """Folder of IDX files, of `--data-dir`; downloads go there too."""
    pictures_dir: Path | None = None
    """A user's own folder of one folder per class, of `--data`."""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Labelled pictures as a caller would send them; nothing is decoded before it is asked for."""

    dataset: str
    split: SplitName
    labels: tuple[str, ...]
    """Names of the classes, in the order of their indices."""
    targets: NDArray[np.int64]
    """Class index per picture, (N,)."""
    read: Callable[[int], Image.Image]
    """The picture at a position, upright, mode L or RGB, at its own size."""

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.targets)

    def __iter__(self) -> Iterator[tuple[Image.Image, int]]:
        """Every picture with its class index, in order."""
        return ((self.read(position), int(target)) for position, target in enumerate(self.targets))

    def take(self, positions: NDArray[np.int64], *, split: SplitName) -> "Pictures":
        """The pictures at these positions, under another split's name."""
        return Pictures(
            dataset=self.dataset,
            split=split,
            labels=self.labels,
            targets=self.targets[positions],
            read=lambda position: self.read(int(positions[position])),
        )


@dataclass(frozen=True, kw_only=True)
class Arrays:
    """Pictures after the recipe's preprocessing: what the graph takes."""

    images: NDArray[np.uint8]
    """(N, H, W, C)."""
    targets: NDArray[np.int64]
    """Class index per image, (N,)."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The training files of a dataset, split once into what is learnt from and what choices are made by."""

    name: str
    labels: tuple[str, ...]
    """Names of the classes, in the order of their indices."""
    train: Arrays
    validation: Arrays
    validation_pictures: Pictures
    """The same pictures as `validation`, in the same order, for the serving path."""
