"""Target codes of LeNet-5's output units: for each class 84 fixed values of +1 or -1."""

import hashlib

import torch
from torch import Tensor

CODE_LENGTH = 84

# The ten digits as 7 x 12 bitmaps; ink is +1. Drawings rather than one-of-ten codes, because characters that look
# alike then have codes that are near each other, and context can settle what is confusable (section II.B).
_DIGITS = (
    """
    ..###.. ...##.. .#####. .#####. ....##.
    .##.##. ..###.. ##...## ##...## ...###.
    ##...## .####.. ##...## .....## ...###.
    ##...## ...##.. .....## .....## ..#.##.
    ##...## ...##.. .....## .....## ..#.##.
    ##...## ...##.. ....##. ..####. .#..##.
    ##...## ...##.. ...##.. .....## .#..##.
    ##...## ...##.. ..##... .....## #######
    ##...## ...##.. .##.... .....## #######
    ##...## ...##.. ##..... ##...## ....##.
    .##.##. ...##.. ##..... ##...## ....##.
    ..###.. .###### ####### .#####. ....##.
    """,
    """
    ####### ...###. ####### .#####. .#####.
    ##..... ..##... ##...## ##...## ##...##
    ##..... .##.... .....## ##...## ##...##
    ##..... ##..... ....##. ##...## ##...##
    ######. ##..... ....##. .#####. ##...##
    ##...## ######. ...##.. ..###.. .######
    .....## ##...## ...##.. .##.##. .....##
    .....## ##...## ..##... ##...## .....##
    .....## ##...## ..##... ##...## .....##
    ##...## ##...## .##.... ##...## ....##.
    ##...## ##...## .##.... ##...## ...##..
    .#####. .#####. .##.... .#####. .###...
    """,
)


def class_codes(num_classes: int) -> Tensor:
    """Give each class its code: float32 (num_classes, 84), every value +1 or -1, all rows distinct.

    Ten classes get the bitmaps of the ten digits, row by row. For any other number the code of class i is
    the first 84 bits of SHA-256 over a fixed text and i: the same with every version of torch, and the
    same for class i however many classes there are.
    """
    rows = _digit_codes() if num_classes == 10 else [_hashed_code(index) for index in range(num_classes)]
    return torch.tensor(rows, dtype=torch.float32)


def _digit_codes() -> list[list[float]]:
    codes: list[str] = []
    for block in _DIGITS:
        lines = [line.split() for line in block.split("\n") if line.strip()]
        codes += ["".join(bitmap) for bitmap in zip(*lines, strict=True)]
    return [[1.0 if pixel == "#" else -1.0 for pixel in code] for code in codes]


def _hashed_code(index: int) -> list[float]:
    digest = int.from_bytes(hashlib.sha256(f"LeNet-5 class {index}".encode()).digest(), "big")
    return [1.0 if digest >> bit & 1 else -1.0 for bit in range(255, 255 - CODE_LENGTH, -1)]
