"""Makes pictures of class activation maps: the map itself in gray, or in colour over the picture."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.inference.colours import heat_colours
from service.inference.png import picture_png

# At the map's maximum the picture still shows through.
_OPACITY: Final = 0.7
_ALPHA: Final = [round(_OPACITY * level) for level in range(256)]


def normalise_map(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """A raw map as [0, 1]: what speaks against the class is cut off, the rest divided by its maximum.

    Any shape; a map without a positive value becomes zeros.
    """
    positive = np.maximum(raw, np.float32(0))
    peak = positive.max()
    if peak > 0:
        positive /= peak
    return positive


def overlay_png(picture: Image.Image, heat: NDArray[np.float32]) -> bytes:
    """A PNG (RGB) of a picture with a map in colour over it.

    Opacity grows with the map, from none at 0 to 70 % at 1, so that the picture stays as it is wherever nothing
    decided for the class.

    Args:
        picture: Mode "L" or "RGB".
        heat: (height, width) of the picture, in [0, 1].
    """
    levels = Image.fromarray(_levels(heat))
    colour = levels.copy()
    colour.putpalette(heat_colours().tobytes())
    blended = Image.composite(colour.convert("RGB"), picture.convert("RGB"), levels.point(_ALPHA))
    return picture_png(blended)


def heatmap_png(heat: NDArray[np.float32]) -> bytes:
    """A PNG (8-bit gray) of a map (height, width) in [0, 1]: 0 is black, 1 is white."""
    return picture_png(Image.fromarray(_levels(heat)))


def _levels(heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A map in [0, 1] as 0..255, rounded."""
    return (heat * 255 + 0.5).astype(np.uint8)
