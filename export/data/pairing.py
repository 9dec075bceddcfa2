"""Finds the mask of every picture by its name, and keeps account of what has no counterpart."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from export.data.mask_files import MaskReader
from export.data.masked_faults import Fault
from export.data.picture_folders import SUFFIXES
from export.errors import BadData
from service.errors import ConvoyError
from service.inference.image import PIXELS_AT_MOST, decode_image


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A picture and its mask."""

    picture: Path
    mask: Path

    def read(self, masks: MaskReader) -> tuple[Image.Image, NDArray[np.uint8]]:
        """The picture, upright, mode L or RGB, and its mask (H, W) of the same size.

        Raises:
            BadData: one of them cannot be decoded, or they do not fit; the sentence names all that is wrong.
        """
        picture, mask, faults = self.open(masks)
        if picture is None or mask is None or faults:
            raise BadData(f"{'; '.join(map(str, faults))}.")
        return picture, mask

    def open(self, masks: MaskReader) -> tuple[Image.Image | None, NDArray[np.uint8] | None, list[Fault]]:
        """Picture and mask as `read` gives them, None where they cannot be decoded, and all that is wrong."""
        picture, mask = None, None
        faults: list[Fault] = []
        try:
            picture = decode_image(self.picture.read_bytes(), max_pixels=PIXELS_AT_MOST)
        except OSError as error:
            faults.append(Fault.of(self.picture, f"{self.picture}: {error.strerror}"))
        except ConvoyError as error:
            faults.append(Fault.of(self.picture, f"{self.picture}: {error}"))
        try:
            mask = masks.read(self.mask)
        except BadData as error:
            faults.append(Fault.of(self.mask, str(error)))
        if picture is not None and mask is not None and picture.size != mask.shape[::-1]:
            faults.append(
                Fault(
                    str(self.picture),
                    f" has {picture.width}x{picture.height} pixels upright, "
                    f"{self.mask} {mask.shape[1]}x{mask.shape[0]}",
                )
            )
        return picture, mask, faults


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """The pairs of one split, by name, and what is wrong with the files of which they are made."""

    pairs: tuple[Pair, ...]
    faults: tuple[Fault, ...]


class Folders:
    """The pictures of one folder and the masks of another, by their paths below it without the ending.

    Files and folders whose name starts with a dot do not count, such as the `._` files in archives from a Mac. Names
    are compared in their composed form (`composed`).

    Raises:
        BadData: one of the folders is missing.
    """

    def __init__(self, pictures: Path, masks: Path) -> None:
        self._clashes: list[Fault] = []
        self._pictures, self._masks = self._find(pictures), self._find(masks)

    def all_pairs(self) -> Pairing:
        """Every picture with its mask; a picture or a mask without the other is a fault."""
        faults = [Fault(str(path), " has no mask") for name, path in self._pictures.items() if name not in self._masks]
        return self._paired(self._masks, [*faults, *self._without_picture()])

    def masked_pairs(self) -> Pairing:
        """Every mask with its picture; only a mask without a picture is a fault."""
        return self._paired(self._masks, self._without_picture())

    def listed_pairs(self, names: Iterable[str], where: Path) -> Pairing:
        """The pairs of these names, in composed form; what is missing is a fault of the list `where`."""
        faults: list[Fault] = []
        for name in names:
            missing = [
                kind for kind, files in (("picture", self._pictures), ("mask", self._masks)) if name not in files
            ]
            if missing:
                faults.append(Fault(name, f" of {where} has no {' and no '.join(missing)}"))
        return self._paired(names, faults)

    def has_mask(self, name: str) -> bool:
        """Whether there is a mask of this name, in composed form."""
        return name in self._masks

    def _without_picture(self) -> list[Fault]:
        return [Fault(str(path), " has no picture") for name, path in self._masks.items() if name not in self._pictures]

    def _paired(self, names: Iterable[str], faults: list[Fault]) -> Pairing:
        both = sorted(name for name in names if name in self._pictures and name in self._masks)
        pairs = tuple(Pair(picture=self._pictures[name], mask=self._masks[name]) for name in both)
        return Pairing(pairs=pairs, faults=(*self._clashes, *faults))

    def _find(self, folder: Path) -> dict[str, Path]:
        if not folder.is_dir():
            raise BadData(f"{folder} is missing.")
        found: dict[str, Path] = {}
        for path in sorted(folder.rglob("*")):
            below = path.relative_to(folder)
            if path.suffix.lower() not in SUFFIXES or any(part[0] == "." for part in below.parts):
                continue
            name = composed(below.with_suffix("").as_posix())
            if name in found:
                self._clashes.append(Fault(str(found[name]), f" and {path} have the same name"))
            elif path.is_file():
                found[name] = path
        return found


def composed(name: str) -> str:
    """The name in Unicode's form NFC: the same letters may be written in two ways, and copies from a Mac mix them."""
    return unicodedata.normalize("NFC", name)
