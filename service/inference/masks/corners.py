"""Finds the corners of the regions of a mask."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.inference.masks.cycles import Indices
from service.inference.masks.winners import Mask, bands

_Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Corners:
    """Corners of regions: one for each class that turns at a vertex, two where it touches itself there.

    Each has one horizontal and one vertical edge. They are in order of class, y and x, so that the corners 2i and
    2i + 1 are the ends of one horizontal edge.
    """

    classes: Indices
    y: Indices
    x: Indices
    south: _Flags
    """The vertical edge goes down from here; otherwise up."""
    leaves: _Flags
    """With the region to the right on the screen, the way goes from here over the horizontal edge; otherwise it
    arrives over it."""


def find_corners(mask: Mask, *, background: bool) -> Corners:
    """All corners in a mask (H, W), without those of class 0 where that is the background.

    Takes time for two comparisons per pixel, and for what has to be looked at: vertices that have a horizontal and a
    vertical edge.
    """
    height, width = mask.shape
    found = [_turning(mask, vertices) for vertices in bands(height + 1, width)]
    y, x, *around = (np.concatenate(values) for values in zip(*found, strict=True))
    # Corners by the pixel that they lie around, of the class itself or of another one in the midst of it. The four
    # are numbered 0 and 1 above the vertex, 2 and 3 below: beside pixel p lies p ^ 1, above or below it p ^ 2.
    at, classes, kinds = [], [], []
    for pixel in range(4):
        own, beside, over, across = around[pixel], around[pixel ^ 1], around[pixel ^ 2], around[pixel ^ 3]
        outer = np.flatnonzero((own != beside) & (own != over))
        inner = np.flatnonzero((beside == over) & (over == across) & (own != across))
        at += [outer, inner]
        classes += [own[outer], across[inner]]
        # The way over the horizontal edge goes east where the region is below it.
        falling = pixel in (0, 3)
        kinds += [(pixel, falling, len(outer)), (pixel, not falling, len(inner))]
    pixels, leaving, numbers = zip(*kinds, strict=True)
    corner_at, corner_class = np.concatenate(at), np.concatenate(classes)
    corner_pixel, leaves = np.repeat(pixels, numbers), np.repeat(leaving, numbers)
    # Beyond the edge of the mask is class -1.
    wanted = np.flatnonzero(corner_class >= int(background))
    corner_at, corner_class, corner_pixel = corner_at[wanted], corner_class[wanted], corner_pixel[wanted]
    y, x = y[corner_at], x[corner_at]
    order = np.argsort(((corner_class * (height + 1) + y) * (width + 1) + x) * 2 + (corner_pixel & 1))
    south = (corner_pixel & 2) > 0
    return Corners(corner_class[order], y[order], x[order], south[order], leaves[wanted][order])


def vertical_edges(corners: Corners, height: int, width: int) -> tuple[Indices, Indices]:
    """The upper and lower ends (edges, 2) of the vertical edges, as indices of corners, and a key that they are in
    order of (edges,): see `vertical_key`.
    """
    key = vertical_key(corners.classes, corners.x, corners.y, height, width) + corners.south
    order = np.argsort(key)
    return order.reshape(-1, 2), key[order[::2]]


def vertical_key(classes: Indices, x: Indices, y: Indices, height: int, width: int) -> Indices:
    """Numbers that are in order of class, column of vertices and y, with room for one more bit."""
    return ((classes * (width + 1) + x) * (height + 1) + y) * 2


def _turning(mask: Mask, vertices: slice) -> tuple[Indices, ...]:
    """Row and column of the vertices that have a horizontal and a vertical edge, and the four pixels around each.

    Only of some rows of vertices, each of which lies above the row of pixels of its number.
    """
    height, width = mask.shape
    pixels = np.full((vertices.stop - vertices.start + 1, width + 2), -1, np.int16 if mask.itemsize == 1 else np.int32)
    first, stop = max(0, vertices.start - 1), min(height, vertices.stop)
    pixels[first - vertices.start + 1 : stop - vertices.start + 1, 1:-1] = mask[first:stop]
    between_rows = pixels[1:] != pixels[:-1]
    between_columns = pixels[:, 1:] != pixels[:, :-1]
    turns = (between_rows[:, 1:] | between_rows[:, :-1]) & (between_columns[1:] | between_columns[:-1])
    y, x = np.nonzero(turns)
    around = (pixels[y, x], pixels[y, x + 1], pixels[y + 1, x], pixels[y + 1, x + 1])
    return y + vertices.start, x, *(values.astype(np.int64) for values in around)
