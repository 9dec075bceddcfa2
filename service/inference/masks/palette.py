"""Gives every class a colour, and lays a mask in these colours over its picture."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.inference.masks.winners import Mask
from service.inference.png import picture_png

OPACITY: Final = 0.5
"""Of a class over the picture."""


def class_colours(classes: int, *, background: bool) -> NDArray[np.uint8]:
    """The colours (classes, 3), RGB, of the classes 0 to `classes` - 1.

    Those of the PASCAL VOC devkit (Everingham et al. 2010, VOClabelcolormap.m): the bits of the index, from the
    lowest, are dealt out to red, green and blue in turn, from the highest bit of each channel downwards, so that
    neighbouring indices lie far apart. All are different up to 2^24 classes.

    Args:
        classes: How many.
        background: Whether class 0 is the background, which is black. Otherwise the colours begin with the second one.
    """
    indices = np.arange(classes) + (0 if background else 1)
    colours = np.zeros((classes, 3), np.uint8)
    for place in range(8):
        for channel in range(3):
            bit = indices >> (3 * place + channel) & 1
            colours[:, channel] |= (bit << (7 - place)).astype(np.uint8)
    return colours


def overlay_png(picture: Image.Image, mask: Mask, *, classes: int, background: bool) -> bytes:
    """A PNG (RGB) of a picture with its classes in colour over it.

    Args:
        picture: Mode "L" or "RGB".
        mask: (height, width) of the picture.
        classes: How many classes there are.
        background: Whether class 0 is the background, where the picture stays as it is.
    """
    colours = class_colours(classes, background=background)
    if mask.dtype == np.uint8:
        coloured = Image.fromarray(mask)
        coloured.putpalette(colours.tobytes())
        coloured = coloured.convert("RGB")
    else:
        coloured = Image.fromarray(colours[mask])
    covered = (mask != 0) if background else np.ones(mask.shape, np.bool_)
    opacity = Image.fromarray(covered * np.uint8(round(255 * OPACITY)))
    return picture_png(Image.composite(coloured, picture.convert("RGB"), opacity))
