"""Finds the mask of every picture by its name, and keeps account of what has no counterpart."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from export.data.mask_files import MaskReader
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
        faults: list[str] = []
        picture, mask = None, None
        try:
            picture = decode_image(self.picture.read_bytes(), max_pixels=PIXELS_AT_MOST)
        except OSError as error:
            faults.append(f"{self.picture}: {error.strerror}")
        except ConvoyError as error:
            faults.append(f"{self.picture}: {error}")
        try:
            mask = masks.read(self.mask)
        except BadData as error:
            faults.append(str(error))
        if picture is not None and mask is not None:
            if picture.size == mask.shape[::-1]:
                return picture, mask
            faults.append(
                f"{self.picture} has {picture.width}x{picture.height} pixels upright, "
                f"{self.mask} {mask.shape[1]}x{mask.shape[0]}"
            )
        raise BadData(f"{'; '.join(fault.rstrip('.') for fault in faults)}.")


class Folders:
    """The pictures of one folder and the masks of another, by their paths below it without the ending.

    Files and folders whose name starts with a dot do not count, such as the `._` files in archives from a Mac.

    Raises:
        BadData: one of the folders is missing.
    """

    def __init__(self, pictures: Path, masks: Path) -> None:
        self.faults: list[str] = []
        """What is wrong with the files found so far, a clause each."""
        self._pictures, self._masks = self._find(pictures), self._find(masks)

    def all_pairs(self) -> list[Pair]:
        """Every picture with its mask, by name; a picture or a mask without the other is a fault."""
        self.faults += [f"{path} has no mask" for name, path in self._pictures.items() if name not in self._masks]
        return self.masked_pairs()

    def masked_pairs(self) -> list[Pair]:
        """Every mask with its picture, by name; only a mask without a picture is a fault."""
        self.faults += [f"{path} has no picture" for name, path in self._masks.items() if name not in self._pictures]
        return self._pairs(self._masks)

    def listed_pairs(self, names: Iterable[str], where: Path) -> list[Pair]:
        """The pairs of these names, by name; what is missing is a fault of the list `where`."""
        for name in names:
            missing = [
                kind for kind, files in (("picture", self._pictures), ("mask", self._masks)) if name not in files
            ]
            if missing:
                self.faults.append(f"{name} of {where} has no {' and no '.join(missing)}")
        return self._pairs(names)

    def has_mask(self, name: str) -> bool:
        """Whether there is a mask of this name."""
        return name in self._masks

    def _pairs(self, names: Iterable[str]) -> list[Pair]:
        both = sorted(name for name in names if name in self._pictures and name in self._masks)
        return [Pair(picture=self._pictures[name], mask=self._masks[name]) for name in both]

    def _find(self, folder: Path) -> dict[str, Path]:
        if not folder.is_dir():
            raise BadData(f"{folder} is missing.")
        found: dict[str, Path] = {}
        for path in sorted(folder.rglob("*")):
            below = path.relative_to(folder)
            if path.suffix.lower() not in SUFFIXES or any(part[0] == "." for part in below.parts):
                continue
            name = below.with_suffix("").as_posix()
            if name in found:
                self.faults.append(f"{found[name]} and {path} have the same name")
            elif path.is_file():
                found[name] = path
        return found
