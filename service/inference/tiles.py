"""Cuts a large picture into overlapping tiles and blends the logits of neighbours, in memory for a row of overlaps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

TILE_PX: Final = 512
"""Edge of a tile; at the right and at the bottom tiles may be smaller."""
OVERLAP_PX: Final = 128
"""Width of what two neighbours both see."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the picture whose logits are final."""

    rows: slice
    columns: slice
    logits: NDArray[np.float32]
    """(classes, rows, columns)."""


def blended(
    run: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    pixels: NDArray[np.uint8],
    *,
    tile_px: int = TILE_PX,
    overlap_px: int = OVERLAP_PX,
) -> Iterator[Block]:
    """Run a network on each tile and give the blended logits block by block, row by row; the blocks cover the picture.

    Where two tiles overlap, the weight of the one falls linearly from its side to nothing while the other's rises.
    Beside a few tiles, this holds the logits of one overlap across the whole width.

    Args:
        run: Logits float32 (classes, h, w) of pixels (h, w, C); the array may be overwritten.
        pixels: (H, W, C).
        tile_px: Edge of a tile, at least twice the overlap.
        overlap_px: At least 1.
    """
    rows = _spans(pixels.shape[0], tile_px, overlap_px)
    columns = _spans(pixels.shape[1], tile_px, overlap_px)
    above: NDArray[np.float32] | None = None
    for row, (top, bottom) in enumerate(rows):
        ready_rows = (rows[row + 1][0] if row + 1 < len(rows) else bottom) - top
        row_weights = _weights(rows, row, overlap_px)
        left: NDArray[np.float32] | None = None
        for column, (start, stop) in enumerate(columns):
            ready = (columns[column + 1][0] if column + 1 < len(columns) else stop) - start
            logits = run(pixels[top:bottom, start:stop])
            logits *= row_weights[:, np.newaxis] * _weights(columns, column, overlap_px)
            if left is not None:
                logits[:, :, :overlap_px] += left
            left = logits[:, :, ready:].copy()
            logits = logits[:, :, :ready]
            span = slice(start, start + ready)
            if above is not None and row > 0:
                logits[:, :overlap_px] += above[:, :, span]
            if row + 1 < len(rows):
                if above is None:
                    above = np.empty((len(logits), overlap_px, pixels.shape[1]), np.float32)
                above[:, :, span] = logits[:, ready_rows:]
            yield Block(slice(top, top + ready_rows), span, logits[:, :ready_rows])


def pixels_seen(size_px: tuple[int, int], *, tile_px: int = TILE_PX, overlap_px: int = OVERLAP_PX) -> int:
    """Pixels of all tiles of a picture of `size_px` (width, height) together: overlaps count in each."""
    columns, rows = (sum(stop - start for start, stop in _spans(each, tile_px, overlap_px)) for each in size_px)
    return columns * rows


def _spans(length_px: int, tile_px: int, overlap_px: int) -> list[tuple[int, int]]:
    """First and last pixel, exclusive, of the tiles along an axis; the last tile is longer than an overlap."""
    step_px = tile_px - overlap_px
    starts = range(0, max(1, length_px - overlap_px), step_px)
    return [(start, min(start + tile_px, length_px)) for start in starts]


def _weights(spans: list[tuple[int, int]], index: int, overlap_px: int) -> NDArray[np.float32]:
    """Weight of each pixel of a tile along an axis; those of neighbours sum to one."""
    start, stop = spans[index]
    weights = np.ones(stop - start, np.float32)
    rising = (np.arange(overlap_px, dtype=np.float32) + np.float32(0.5)) / np.float32(overlap_px)
    if index > 0:
        weights[:overlap_px] = rising
    if index + 1 < len(spans):
        weights[-overlap_px:] = rising[::-1]
    return weights
