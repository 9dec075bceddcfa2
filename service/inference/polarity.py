"""Decides whether a picture shows light strokes on a dark ground or dark strokes on a light one."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from service.repository.artifact import Polarity


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
