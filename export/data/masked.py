"""What a dataset for segmentation is to the stages: pictures with a class id per pixel, and the arrays made of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from export.data.dataset import SplitName
from export.recipes.recipe import IGNORED

CLASSES_AT_MOST = 255


@dataclass(frozen=True, kw_only=True)
class MaskedPictures:
    """Pictures as a caller would send them, each with its mask; nothing is decoded before it is asked for."""

    dataset: str
    split: SplitName
    labels: tuple[str, ...]
    """Names of the classes, in the order of their ids; at most CLASSES_AT_MOST."""
    names: tuple[str, ...]
    """What a sentence calls each picture."""
    read: Callable[[int], tuple[Image.Image, NDArray[np.uint8]]]
    """The picture at a position, upright, mode L or RGB, at its own size, and its mask (H, W): an id below
    len(labels) per pixel, or IGNORED. Raises BadData, which names the files, where they cannot be used."""

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.names)

    def __iter__(self) -> Iterator[tuple[Image.Image, NDArray[np.uint8]]]:
        """Every picture with its mask, in order."""
        return (self.read(position) for position in range(len(self)))

    def take(self, positions: NDArray[np.int64], *, split: SplitName) -> "MaskedPictures":
        """The pictures at these positions, under another split's name."""
        return MaskedPictures(
            dataset=self.dataset,
            split=split,
            labels=self.labels,
            names=tuple(self.names[position] for position in positions),
            read=lambda position: self.read(int(positions[position])),
        )

    def ignoring(self, index: int) -> "MaskedPictures":
        """The same pictures, with the pixels of class `index` marked as IGNORED."""
        if index == IGNORED:
            return self

        def read(position: int) -> tuple[Image.Image, NDArray[np.uint8]]:
            picture, mask = self.read(position)
            return picture, np.where(mask == index, np.uint8(IGNORED), mask)

        return replace(self, read=read)


@dataclass(frozen=True, kw_only=True)
class MaskedArrays:
    """Pictures after the recipe's preprocessing, which is what the graph takes, and masks of the same size."""

    images: tuple[NDArray[np.uint8], ...]
    """(H, W, C) each, of any size."""
    masks: tuple[NDArray[np.uint8], ...]
    """Class id per pixel, or IGNORED, (H, W) each."""


@dataclass(frozen=True, kw_only=True)
class MaskedDataset:
    """The training files of a dataset, split once into what is learnt from and what choices are made by."""

    name: str
    labels: tuple[str, ...]
    """Names of the classes, in the order of their ids."""
    train: MaskedArrays
    validation: MaskedArrays
