"""A user's own pictures with masks: opened, checked as a whole before a training, and split."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from export.data.dataset import SplitName
from export.data.mask_layouts import Layout, find_layout
from export.data.masked import MaskedPictures
from export.data.split import hold_out
from export.errors import BadData
from export.recipes.recipe import IGNORED

_FAULTS_NAMED = 10


@dataclass(frozen=True, kw_only=True)
class MaskedFolder:
    """A folder of pictures and masks, nothing of it decoded yet."""

    root: Path
    labels: tuple[str, ...]
    """Names of the classes, in the order of their ids."""
    splits: Mapping[SplitName, MaskedPictures]
    """The splits that the user has made, pictures in the order of their names; all is `train` without any."""
    unpaired: tuple[str, ...]
    """Pictures without a mask and the like, a clause each."""


def open_masked_folder(root: Path, *, dataset: str) -> MaskedFolder:
    """Find the pictures and masks of a folder, in any of the layouts of export.data.mask_layouts.

    Raises:
        DataNotFound: it is no folder, or of no known layout.
        BadData: a part of its layout is missing, its class list is bad, or it has no files.
    """
    layout = find_layout(root)
    if not layout.faults and not layout.pairs["train"]:
        raise BadData(f"{root} has no pictures to train with.")
    splits = {split: _pictures(layout, dataset, split) for split in layout.pairs}
    return MaskedFolder(root=root, labels=layout.labels, splits=splits, unpaired=tuple(layout.faults))


def check_masked_folder(folder: MaskedFolder) -> None:
    """Read every picture and mask once, test files included, before hours go into a training.

    Raises:
        BadData: some are missing or cannot be used, which the sentence names, ten at most; or the masks to train
            with hold fewer than two classes.
    """
    faults = list(folder.unpaired)
    pixels = np.zeros(256, np.int64)
    reading = [(pictures, position) for pictures in folder.splits.values() for position in range(len(pictures))]
    title = f"{folder.root}: checking pictures and masks"
    for pictures, position in track(reading, description=title, transient=True, disable=not Console().is_terminal):
        try:
            _, mask = pictures.read(position)
        except BadData as error:
            faults.append(str(error).rstrip("."))
            continue
        if pictures.split == "train":
            pixels += np.bincount(mask.ravel(), minlength=256)
    if faults:
        more = f" and {len(faults) - _FAULTS_NAMED} more" if len(faults) > _FAULTS_NAMED else ""
        count = "1 picture or mask" if len(faults) == 1 else f"{len(faults)} pictures or masks"
        raise BadData(f"{count} cannot be used: {'; '.join(faults[:_FAULTS_NAMED])}{more}.")
    _check_classes(folder, pixels)


def split_masked_folder(
    folder: MaskedFolder, *, validation_share: float, test_share: float, seed: int
) -> tuple[MaskedPictures, MaskedPictures, MaskedPictures]:
    """(train, validation, test): the splits that the user has made, and for the others shares held out by seed.

    `test_share` is of all pictures of the train split, `validation_share` of what then remains.

    Raises:
        BadData: there are too few pictures for a split.
    """
    train = folder.splits["train"]
    test, validation = folder.splits.get("test"), folder.splits.get("validation")
    if test is None:
        train, test = _hold_out(train, "test", share=test_share, seed=seed)
    if validation is None:
        train, validation = _hold_out(train, "validation", share=validation_share, seed=seed)
    for pictures in (train, validation, test):
        if len(pictures) == 0:
            raise BadData(f"{folder.root} has too few pictures for a {pictures.split} split.")
    return train, validation, test


def _hold_out(
    pictures: MaskedPictures, split: SplitName, *, share: float, seed: int
) -> tuple[MaskedPictures, MaskedPictures]:
    # A picture shows several classes, so that none of them can be held out in proportion.
    kept, held_out = hold_out(np.zeros(len(pictures), np.int64), share=share, seed=seed)
    return pictures.take(kept, split="train"), pictures.take(held_out, split=split)


def _pictures(layout: Layout, dataset: str, split: SplitName) -> MaskedPictures:
    pairs = layout.pairs[split]
    return MaskedPictures(
        dataset=dataset,
        split=split,
        labels=layout.labels,
        names=tuple(str(pair.picture) for pair in pairs),
        read=lambda position: pairs[position].read(layout.masks),
    )


def _check_classes(folder: MaskedFolder, pixels: NDArray[np.int64]) -> None:
    """Refuse masks of one class; most often 255 means a class, and the class list does not say so."""
    present = [label for label, count in zip(folder.labels, pixels, strict=False) if count]
    if len(present) > 1:
        return
    held = f"no class but {present[0]!r}" if present else "no class"
    advice = ""
    if pixels[IGNORED]:
        advice = (
            f", beside pixels of value {IGNORED}, which are ignored: where that is a class, the class list has to give "
            f"every class a colour, as in '{folder.labels[0]} 0 0 0' and '{folder.labels[-1]} 255 255 255'"
        )
    raise BadData(f"The masks to train with in {folder.root} hold {held}{advice}.")
