"""Tiny pictures of two kinds of squares with their masks, in each layout of folders."""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from export.data.class_list import voc_colour

LayoutName = Literal["plain", "pets", "voc"]
LABELS = ("background", "red", "green")
COUNT = 20
_COLOURS = ((220, 40, 40), (40, 220, 40))


def put_shapes(root: Path, layout: LayoutName = "plain") -> Path:
    """Write COUNT pictures of 36 to 59 pixels a side, each with a red and a green square; gives the folder."""
    rng = np.random.default_rng(1)
    images, masks = {
        "plain": (root / "images", root / "masks"),
        "pets": (root / "images", root / "annotations" / "trimaps"),
        "voc": (root / "JPEGImages", root / "SegmentationClass"),
    }[layout]
    for folder in (images, masks):
        folder.mkdir(parents=True)
    if layout != "pets":
        (root / "classes.txt").write_text("\n".join(LABELS))
    for number in range(COUNT):
        pixels, mask = _scene(rng)
        Image.fromarray(pixels).save(images / f"{number:02}.png")
        if layout == "pets":
            # Trimaps begin with the pet; what is around it is 2, the border 3.
            mask = np.array([2, 1, 3], np.uint8)[mask]
        written = Image.fromarray(mask)
        if layout == "voc":
            written = written.convert("P")
            written.putpalette([channel for index in range(256) for channel in voc_colour(index)])
        written.save(masks / f"{number:02}.png")
    return root


def _scene(rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    height, width = (int(edge) for edge in rng.integers(36, 60, 2))
    pixels = rng.integers(0, 60, (height, width, 3), dtype=np.uint8)
    mask = np.zeros((height, width), np.uint8)
    for index, colour in enumerate(_COLOURS, start=1):
        top, left = int(rng.integers(0, height - 16)), int(rng.integers(0, width - 16))
        pixels[top : top + 16, left : left + 16] = colour
        mask[top : top + 16, left : left + 16] = index
    return pixels, mask
