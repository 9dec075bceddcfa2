"""What rings mean, computed the plain way: filling, regions, areas, distances."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.int32]


def filled(rings: Iterable[Points], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels (H, W) whose centre lies inside by the even-odd rule: an odd number of edges is to the left of it."""
    height, width = shape
    y, x = np.arange(height) + 0.5, np.arange(width) + 0.5
    inside = np.zeros(shape, np.bool_)
    for ring in rings:
        for (x1, y1), (x2, y2) in zip(ring.tolist(), np.roll(ring, -1, axis=0).tolist(), strict=True):
            if y1 != y2:
                crossed = (y > min(y1, y2)) & (y < max(y1, y2))
                inside ^= crossed[:, np.newaxis] & (x > (x1 + (y - y1) * (x2 - x1) / (y2 - y1))[:, np.newaxis])
    return inside


def area(ring: Points) -> float:
    """By the shoelace formula: positive where the ring runs clockwise on the screen."""
    (x, y), (next_x, next_y) = ring.T.astype(float), np.roll(ring, -1, axis=0).T.astype(float)
    return float((x * next_y - next_x * y).sum() / 2)


def regions(own: NDArray[np.bool_]) -> int:
    """How many sets of pixels there are that are connected over their edges."""
    left = {(int(y), int(x)) for y, x in np.argwhere(own)}
    number = 0
    while left:
        number += 1
        edge = [left.pop()]
        while edge:
            y, x = edge.pop()
            near = {(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)} & left
            left -= near
            edge += near
    return number


def distance(point: NDArray[np.int32], ring: Points) -> float:
    """From a point to the closest point of a ring."""
    start, stop = ring.astype(float), np.roll(ring, -1, axis=0).astype(float)
    along = ((point - start) * (stop - start)).sum(axis=1) / ((stop - start) ** 2).sum(axis=1)
    closest = start + np.clip(along, 0, 1)[:, np.newaxis] * (stop - start)
    return float(np.sqrt(((point - closest) ** 2).sum(axis=1)).min())
