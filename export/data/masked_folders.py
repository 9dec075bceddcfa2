"""A user's own pictures with masks: opened, checked as a whole before a training, and split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from export.data.dataset import SplitName
from export.data.mask_layouts import Layout, find_layout
from export.data.masked import MaskedPictures
from export.data.masked_faults import refuse
from export.data.split import hold_out
from export.errors import BadData
from export.recipes.recipe import IGNORED


@dataclass(frozen=True, kw_only=True)
class MaskedFolder:
    """A folder of pictures and masks, nothing of it decoded yet."""

    root: Path
    layout: Layout
    splits: Mapping[SplitName, MaskedPictures]
    """The splits that the user has made, pictures in the order of their names; all is `train` without any."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their ids."""
        return self.layout.labels


def open_masked_folder(root: Path, *, dataset: str) -> MaskedFolder:
    """Find the pictures and masks of a folder, in any of the layouts of export.data.mask_layouts.

    Raises:
        DataNotFound: it is no folder, or of no known layout.
        BadData: a part of its layout is missing, or its class list is bad.
    """
    layout = find_layout(root)
    splits = {split: _pictures(layout, dataset, split) for split in layout.splits}
    return MaskedFolder(root=root, layout=layout, splits=splits)


def check_masked_folder(folder: MaskedFolder) -> None:
    """Read every picture and mask once, test files included, before hours go into a training.

    Raises:
        BadData: there is nothing to train with; some files are missing or cannot be used, which the sentence names; or
            the masks to train with hold fewer than two classes.
    """
    _check_train(folder)
    faults = [fault for pairing in folder.layout.splits.values() for fault in pairing.faults]
    if not faults and not folder.splits["train"]:
        raise BadData(f"{folder.root} has no pictures to train with.")
    pixels = np.zeros(256, np.int64)
    reading = [(split, pair) for split, pairing in folder.layout.splits.items() for pair in pairing.pairs]
    title = f"{folder.root}: checking pictures and masks"
    for split, pair in track(reading, description=title, transient=True, disable=not Console().is_terminal):
        _, mask, found = pair.open(folder.layout.masks)
        faults += found
        if split == "train" and mask is not None:
            pixels += np.bincount(mask.ravel(), minlength=256)
    refuse(faults)
    _check_classes(folder, pixels)


def split_masked_folder(
    folder: MaskedFolder, *, validation_share: float, test_share: float, seed: int
) -> tuple[MaskedPictures, MaskedPictures, MaskedPictures]:
    """(train, validation, test): the splits that the user has made, and for the others shares held out by seed.

    `test_share` is of all pictures of the train split, `validation_share` of what then remains.

    Raises:
        BadData: masks or pictures are missing, or there are too few pictures for a split.
    """
    shares: dict[SplitName, float] = {"test": test_share, "validation": validation_share}
    missing = {split: share for split, share in shares.items() if split not in folder.splits}
    splits = {**folder.splits, **_hold_out(folder, missing, seed)}
    for split in folder.splits:
        _check_split(folder, split)
    return splits["train"], splits["validation"], splits["test"]


def held_out_test(folder: MaskedFolder, *, test_share: float, seed: int) -> MaskedPictures:
    """The test split that `split_masked_folder` gives; the user's own needs no other split beside it.

    Raises:
        BadData: masks or pictures of the split are missing, or there are too few for it.
    """
    if "test" not in folder.splits:
        return _hold_out(folder, {"test": test_share}, seed)["test"]
    _check_split(folder, "test")
    return folder.splits["test"]


def _check_train(folder: MaskedFolder) -> None:
    if "train" not in folder.splits:
        raise BadData(f"{folder.root} has no train split; all it has is {' and '.join(folder.splits)}.")


def _check_split(folder: MaskedFolder, split: SplitName) -> None:
    """Refuse a split of the user's in which masks or pictures are missing, or that is empty."""
    refuse(folder.layout.splits[split].faults)
    if not folder.splits[split]:
        raise BadData(f"{folder.root} has no pictures in its {split} split.")


def _hold_out(folder: MaskedFolder, shares: Mapping[SplitName, float], seed: int) -> dict[SplitName, MaskedPictures]:
    """These shares of the train split, each of what the one before has left, and as `train` the rest."""
    _check_train(folder)
    _check_split(folder, "train")
    rest = folder.splits["train"]
    splits: dict[SplitName, MaskedPictures] = {}
    for split, share in shares.items():
        kept, held_out = _hold_out_any(len(rest), share=share, seed=seed)
        if len(held_out) == 0:
            raise BadData(
                f"{folder.root} has too few pictures for a {split} split ({len(folder.splits['train'])}, and it takes "
                f"{_fewest(tuple(shares.values()))}), unless you make val/ and test/ yourself, with images/ and masks/ "
                "in each."
            )
        rest, splits[split] = rest.take(kept, split="train"), rest.take(held_out, split=split)
    return {**splits, "train": rest}


def _hold_out_any(pictures: int, *, share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    # A picture shows several classes, so that none of them can be held out in proportion.
    return hold_out(np.zeros(pictures, np.int64), share=share, seed=seed)


def _fewest(shares: Sequence[float]) -> int:
    """The smallest number of pictures of which these shares, one after the other, are pictures at all."""

    def suffice(pictures: int) -> bool:
        for share in shares:
            kept, held_out = _hold_out_any(pictures, share=share, seed=0)
            if len(held_out) == 0:
                return False
            pictures = len(kept)
        return True

    return next(filter(suffice, count(2)))


def _pictures(layout: Layout, dataset: str, split: SplitName) -> MaskedPictures:
    pairs = layout.splits[split].pairs
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
