"""Light strokes on a dark ground, or dark ones on a light ground: tells which, and turns one into the other."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from service.repository.artifact import Polarity

# Longest shorter edge of the copy in which the ground is looked for.
_GROUND_EDGE_PX: Final = 56
# The ground is looked for up to this part of the shorter edge away, farther than strokes are wide.
_GROUND_REACH: Final = 6


def guess_polarity(pixels: NDArray[np.uint8]) -> Polarity:
    """Which polarity a picture of strokes on a ground has.

    Every pixel is compared with the mean of its surroundings, which reach a quarter of the shorter edge to each side.
    Strokes are narrower than that: they stand out far, and to their own side. The ground stands out little, and noise
    and the edge of a shadow stand out to both sides alike. So the sum of the cubed differences has the sign of the
    strokes. Looking at the brightness of the picture's frame instead, or splitting the brightness in two, fails on
    paper that is lit unevenly, as photographs of paper are.

    It fails where what looks like strokes is none: a checked sheet, or an object that fills the picture. A picture
    without contrast counts as dark on light if it is brighter than middle gray.

    Args:
        pixels: (H, W, C) with C of 1 or 3; at the network's own size, where noise has been averaged away.
    """
    gray = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels.mean(axis=2).astype(np.uint8)
    surroundings = Image.fromarray(gray).filter(ImageFilter.BoxBlur(min(gray.shape) // 4))
    difference = np.subtract(gray, np.asarray(surroundings), dtype=np.float32)
    balance = float((difference * difference * difference).sum())
    if balance == 0.0:
        return "dark-on-light" if gray.mean() > 127 else "light-on-dark"
    return "light-on-dark" if balance > 0 else "dark-on-light"


def turn_round(pixels: NDArray[np.uint8], shown: Polarity) -> NDArray[np.uint8]:
    """A picture of one polarity as one of the other, with the strokes on an even ground.

    On a ground that is pure white (or, the other way round, pure black) this is 255 - x. Paper is gray and lit
    unevenly, and a network that has only ever seen an even ground takes the rest for strokes: so each pixel is
    divided by the ground around it, which a morphological closing finds (Soille 2003, Morphological Image Analysis,
    section 4.3): the lightest pixel near by, so far as it is no part of a narrow light spot.

    Args:
        pixels: (H, W, C) with C of 1 or 3, at the network's own size.
        shown: The polarity of `pixels`.
    """
    dark_on_light = pixels if shown == "dark-on-light" else np.invert(pixels)
    channels = [_over_ground(dark_on_light[:, :, channel]) for channel in range(pixels.shape[2])]
    even = np.stack(channels, axis=2)
    return np.invert(even) if shown == "dark-on-light" else even


def _over_ground(channel: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Dark strokes on a light ground (H, W), divided by the ground: 255 where there is no stroke."""
    image = Image.fromarray(channel)
    # The ground changes slowly, so a large picture's is looked for in a small copy.
    small = image.reduce(max(1, min(image.size) // _GROUND_EDGE_PX))
    edge = 2 * (min(small.size) // _GROUND_REACH) + 1
    ground = small.filter(ImageFilter.MaxFilter(edge)).filter(ImageFilter.MinFilter(edge)).resize(image.size)
    even = channel * np.float32(255) / np.maximum(np.asarray(ground, np.float32), 1)
    return np.minimum(even + np.float32(0.5), 255).astype(np.uint8)
