"""Gives every pixel of a picture its class and its score, from logits that are resized before they are compared."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.inference.masks.winners import AT_ONCE, Mask, bands, best_classes, best_scores, mask_type

# Pixels that are interpolated at once, so that a few arrays of them fit into the second-level cache.
_PIXELS_AT_ONCE: Final = 2**14
_LOWEST: Final = np.finfo(np.float32).min / 2
# What finding the classes of a square costs beside its pixels, in pixels that are interpolated with all others.
_SQUARE_COSTS_PX: Final = 20


Check = Callable[[], None] | None
"""Called every few milliseconds of work, which it ends by raising."""


class _Axis(NamedTuple):
    """Where the pixels along an axis lie between the centres of cells."""

    cells: int
    """How many there are, no more than pixels."""
    square: NDArray[np.intp]
    """Of each pixel: the last of the cells whose centre is not behind the pixel's; -1 where there is none."""
    lower: NDArray[np.intp]
    upper: NDArray[np.intp]
    """The two cells that are mixed; at the ends one of them twice."""
    share: NDArray[np.float32]
    """How much of the upper cell is in the mixture."""


class _Grid(NamedTuple):
    """Logits over the whole picture, along no axis in more cells than it has pixels."""

    logits: NDArray[np.float32]
    y: _Axis
    x: _Axis


def picture_classes(logits: NDArray[np.float32], size_px: tuple[int, int], *, check: Check = None) -> Mask:
    """The best class at every pixel of a picture.

    Logits are interpolated linearly between the centres of cells; along an axis on which the picture has fewer pixels
    than cells they are averaged as Pillow does it. Where the four cells around a pixel have the same best class, no
    other can win between them, and nothing is computed: from 512x384 cells of 21 classes to 4000x3000 pixels takes
    60 ms of CPU time in place of 450, and 3.3 s by Pillow and `argmax`. Memory is for two masks and a few megabytes.

    Args:
        logits: (classes, h, w) over the whole of the picture.
        size_px: (width, height) of the picture.
        check: See `Check`.

    Returns:
        (height, width). Of equals the lowest class.
    """
    return _classes(_grid(logits, size_px), check)


def picture_scores(logits: NDArray[np.float32], size_px: tuple[int, int], *, check: Check = None) -> NDArray[np.uint8]:
    """The softmax score of the best class at every pixel of a picture, from the logits that decided for it.

    Arguments as for `picture_classes`.

    Returns:
        (height, width), 255 is 1, rounded.
    """
    grid = _grid(logits, size_px)
    scores = np.empty((size_px[1], size_px[0]), np.uint8)
    for rows in _bands(grid, check):
        scores[rows] = best_scores(_interpolate(grid, rows))
    return scores


def _grid(logits: NDArray[np.float32], size_px: tuple[int, int]) -> _Grid:
    """Average the logits along the axes that have more cells than pixels."""
    height, width = (min(cells, pixels) for cells, pixels in zip(logits.shape[1:], size_px[::-1], strict=True))
    if (height, width) != logits.shape[1:]:
        planes = (Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR) for plane in logits)
        logits = np.stack([np.asarray(plane) for plane in planes])
    if not np.isfinite(logits.min()):
        # A class that cannot be, such as log(0): times a share of nothing it would be no number at all.
        logits = np.maximum(logits, _LOWEST)
    return _Grid(logits, _axis(height, size_px[1]), _axis(width, size_px[0]))


def _axis(cells: int, pixels: int) -> _Axis:
    """As many pixels as cells, or more, over the same length."""
    centres = (np.arange(pixels) + 0.5) * (cells / pixels) - 0.5
    square = np.clip(np.floor(centres), -1, cells - 1).astype(np.intp)
    lower, upper = np.maximum(square, 0), np.minimum(square + 1, cells - 1)
    share = np.where(lower == upper, 0, centres - square).astype(np.float32)
    return _Axis(cells, square, lower, upper, share)


def _bands(grid: _Grid, check: Check) -> Iterator[slice]:
    """The rows of the picture, in bands to interpolate."""
    row_numbers = len(grid.logits) * len(grid.x.square)
    # Each band mixes its cells along x anew, so that a few rows share the cells of two, while that is little memory.
    for band in bands(len(grid.y.square), row_numbers, max(4 * AT_ONCE, min(4 * row_numbers, 32 * AT_ONCE))):
        if check is not None:
            check()
        yield band


def _interpolate(grid: _Grid, rows: slice) -> NDArray[np.float32]:
    """Logits (classes, rows, columns) of a band of the picture's rows."""
    lower, upper, share = grid.y.lower[rows], grid.y.upper[rows], grid.y.share[rows, np.newaxis]
    first = lower[0]
    cells = grid.logits[:, first : upper[-1] + 1]
    wide = _mix(cells.take(grid.x.lower, axis=2), cells.take(grid.x.upper, axis=2), grid.x.share)
    return _mix(wide.take(lower - first, axis=1), wide.take(upper - first, axis=1), share)


def _mix(lower: NDArray[np.float32], upper: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Between two values. In this form a larger value never gives a smaller mixture, whatever is rounded."""
    return lower * (1 - share) + upper * share


def _classes(grid: _Grid, check: Check) -> Mask:
    """The best class at every pixel."""
    cells = best_classes(grid.logits)
    if not (grid.y.share.any() or grid.x.share.any()) and cells.shape == (len(grid.y.square), len(grid.x.square)):
        return cells
    mask: Mask = cells.take(grid.x.lower, axis=1).take(grid.y.lower, axis=0)
    # The squares between centres; with one more row and column on each side, as far as the edge.
    around = np.pad(cells, 1, mode="edge")
    corner = around[:-1, :-1]
    mixed = (corner != around[:-1, 1:]) | (corner != around[1:, :-1]) | (corner != around[1:, 1:])
    y_pixels, y_count = _pixels(grid.y)
    x_pixels, x_count = _pixels(grid.x)
    mixed &= (y_count > 0)[:, np.newaxis] & (x_count > 0)
    squares_y, squares_x = np.nonzero(mixed)
    square_px = len(y_pixels) * len(x_pixels)
    if square_px > _PIXELS_AT_ONCE or len(squares_y) * (square_px + _SQUARE_COSTS_PX) > mask.size:
        for band in _bands(grid, check):
            mask[band] = best_classes(_interpolate(grid, band))
        return mask
    at_once = _PIXELS_AT_ONCE // square_px
    for first in range(0, len(squares_y), at_once):
        if check is not None:
            check()
        chunk = slice(first, first + at_once)
        rows, columns = y_pixels[:, np.newaxis, squares_y[chunk]], x_pixels[np.newaxis, :, squares_x[chunk]]
        mask[rows, columns] = _square_classes(grid, rows, columns)
    return mask


def _pixels(axis: _Axis) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pixels of each square along an axis (most, cells + 1), the last one repeated, and how many there are."""
    edges = np.searchsorted(axis.square, np.arange(-1, axis.cells + 1))
    count = np.diff(edges)
    offsets = np.minimum(np.arange(count.max())[:, np.newaxis], np.maximum(count, 1) - 1)
    return edges[:-1] + offsets, count


def _square_classes(grid: _Grid, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Mask:
    """The best classes (h, w, n) at the pixels `rows` (h, 1, n) and `columns` (1, w, n) of n squares."""
    width = grid.logits.shape[2]
    flat = grid.logits.reshape(len(grid.logits), -1)
    corners = np.stack(
        [
            flat.take(y[rows[0, 0]] * width + x[columns[0, 0]], axis=1)
            for y in (grid.y.lower, grid.y.upper)
            for x in (grid.x.lower, grid.x.upper)
        ]
    )
    # A class that is nowhere in a square above what another one has at least everywhere does not win in it.
    possible = corners.max(axis=0) >= corners.min(axis=0).max(axis=0)
    count = possible.sum(axis=0)
    squares = np.argsort(-count, kind="stable")
    candidates = np.nonzero(possible.T)[1]
    first_candidate = (np.cumsum(count) - count)[squares]
    share_x, share_y = grid.x.share[columns[:, :, squares]], grid.y.share[rows[:, :, squares]]
    classes = np.zeros((len(rows), *columns.shape[1:]), mask_type(len(flat)))
    best = np.full(classes.shape, -np.inf, np.float32)
    # The first candidates of all squares, then the second ones of those that have two, and so on.
    for rank in range(int(count.max())):
        some = slice(int(np.count_nonzero(count > rank)))
        index = candidates[first_candidate[some] + rank]
        upper_left, upper_right, lower_left, lower_right = corners[:, index, squares[some]]
        x, y, so_far = share_x[..., some], share_y[..., some], best[..., some]
        values = _mix(_mix(upper_left, upper_right, x), _mix(lower_left, lower_right, x), y)
        np.copyto(classes[..., some], index.astype(classes.dtype), where=values > so_far)
        np.maximum(so_far, values, out=so_far)
    unsorted = np.empty_like(classes)
    unsorted[..., squares] = classes
    return unsorted
