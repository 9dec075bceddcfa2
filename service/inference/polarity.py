"""Decides whether a picture shows light strokes on a dark ground or dark strokes on a light one."""

import numpy as np
from numpy.typing import NDArray

from service.repository.artifact import Polarity

_TAIL = 0.01


def guess_polarity(pixels: NDArray[np.uint8]) -> Polarity:
    """Which polarity a picture of strokes on a ground has.

    The ground is the median brightness of the one-pixel frame around the picture: strokes may touch the frame, but
    they do not fill half of it. The strokes are whatever lies farthest from the ground: the darkest and the
    brightest hundredth of the pixels are looked at, and the farther of the two wins. That holds for thin strokes,
    for noise, and for a shadow across the paper, because ink is farther from paper than paper is from its shadow.
    It fails where the frame shows something else than the ground, such as the table around a sheet. A picture
    without contrast counts as dark on light if it is brighter than middle gray.

    Args:
        pixels: (H, W, C) with C of 1 or 3; at the network's own size, where noise has been averaged away.
    """
    gray = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels.mean(axis=2)
    frame = np.concatenate((gray[0], gray[-1], gray[1:-1, 0], gray[1:-1, -1]))
    ground = float(np.sort(frame)[len(frame) // 2])
    ordered = np.sort(gray, axis=None)
    tail = int(_TAIL * ordered.size)
    darker, lighter = ground - float(ordered[tail]), float(ordered[-1 - tail]) - ground
    if darker == lighter:
        return "dark-on-light" if ground > 127 else "light-on-dark"
    return "dark-on-light" if darker > lighter else "light-on-dark"
