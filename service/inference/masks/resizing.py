"""Gives every pixel of a picture its class and its score, from logits that are resized before they are compared."""

from collections.abc import Iterator
from math import ceil, floor
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.inference.masks.winners import AT_ONCE, Mask, bands, best_classes, best_scores, mask_type
from service.inference.placement import Placement

# Pixels that are interpolated at once, so that a few arrays of them fit into the second-level cache.
_PIXELS_AT_ONCE: Final = 2**14
# What finding the classes of a square costs beside its pixels, in pixels that are interpolated with all others.
_SQUARE_COSTS_PX: Final = 20


class _Axis(NamedTuple):
    """What is seen of a picture along one axis, and where its pixels lie between the centres of cells."""

    cells: slice
    """Of the network's input: those that the picture covers."""
    pixels: slice
    """Of the picture: those that lie in the input, were it in part."""
    box: tuple[float, float]
    """Where the pixels begin and end in these cells, if there are fewer pixels than cells; otherwise all of them."""
    size: int
    """The cells that are left when they have been averaged to the pixels."""
    square: NDArray[np.intp]
    """Of each pixel: the last of these cells whose centre is not behind the pixel's; -1 where there is none."""
    lower: NDArray[np.intp]
    upper: NDArray[np.intp]
    """The two cells that are mixed; at the ends one of them twice."""
    share: NDArray[np.float32]
    """How much of the upper cell is in the mixture."""


class _Seen(NamedTuple):
    """The part of a picture that the network saw, and its logits (classes, h, w), with no more cells than pixels."""

    logits: NDArray[np.float32]
    y: _Axis
    x: _Axis


def picture_classes(logits: NDArray[np.float32], size_px: tuple[int, int], placement: Placement) -> Mask:
    """The best class at every pixel of a picture.

    Logits are interpolated linearly between the centres of cells; along an axis on which the picture has fewer pixels
    than cells they are averaged as Pillow does it. Where the four cells around a pixel have the same best class, no
    other can win between them, and nothing is computed: from 512x384 cells of 21 classes to 4000x3000 pixels takes
    60 ms of CPU time in place of 450, and 3.3 s by Pillow and `argmax`. Memory is for two masks and a few megabytes.

    Args:
        logits: (classes, h, w) over the network's input, in cells of one pixel each.
        size_px: (width, height) of the picture.
        placement: Where the picture lay in the input.

    Returns:
        (height, width). Of equals the lowest class; what the network did not see has class 0.
    """
    seen = _see(logits, size_px, placement)
    classes = _classes(seen)
    if classes.shape == (size_px[1], size_px[0]):
        return classes
    mask = np.zeros((size_px[1], size_px[0]), classes.dtype)
    mask[seen.y.pixels, seen.x.pixels] = classes
    return mask


def picture_scores(logits: NDArray[np.float32], size_px: tuple[int, int], placement: Placement) -> NDArray[np.uint8]:
    """The softmax score of the best class at every pixel of a picture, from the logits that decided for it.

    Arguments as for `picture_classes`.

    Returns:
        (height, width), 255 is 1, rounded; 0 where the network saw nothing.
    """
    seen = _see(logits, size_px, placement)
    scores = np.zeros((size_px[1], size_px[0]), np.uint8)
    part = scores[seen.y.pixels, seen.x.pixels]
    for rows in _bands(seen):
        part[rows] = best_scores(_interpolate(seen, rows))
    return scores


def _see(logits: NDArray[np.float32], size_px: tuple[int, int], placement: Placement) -> _Seen:
    """Take the logits that the picture covers, and average them along the axes that have more cells than pixels."""
    x, y = (
        _axis(*lengths)
        for lengths in zip(placement.input_px, placement.scaled_px, placement.offset_px, size_px, strict=True)
    )
    logits = np.ascontiguousarray(logits[:, y.cells, x.cells])
    if logits.shape[1:] != (y.size, x.size):
        box = x.box[0], y.box[0], x.box[1], y.box[1]
        planes = [Image.fromarray(plane).resize((x.size, y.size), Image.Resampling.BILINEAR, box) for plane in logits]
        logits = np.stack([np.asarray(plane) for plane in planes])
    return _Seen(logits, y, x)


def _axis(input_px: int, scaled_px: int, offset_px: int, picture_px: int) -> _Axis:
    """Along one axis: a picture of `picture_px`, scaled to `scaled_px` and put at `offset_px` into `input_px`."""
    cells = slice(max(0, offset_px), min(input_px, offset_px + scaled_px))
    size = cells.stop - cells.start
    step = scaled_px / picture_px
    pixels = slice(floor((cells.start - offset_px) / step), min(picture_px, ceil((cells.stop - offset_px) / step)))
    number = pixels.stop - pixels.start
    start = pixels.start * step + offset_px - cells.start
    box = 0.0, float(size)
    if step > 1:
        box = max(0.0, start), min(start + number * step, float(size))
        size, start, step = number, 0.0, 1.0
    centres = start + (np.arange(number) + 0.5) * step - 0.5
    square = np.clip(np.floor(centres), -1, size - 1).astype(np.intp)
    lower, upper = np.maximum(square, 0), np.minimum(square + 1, size - 1)
    share = np.where(lower == upper, 0, centres - square).astype(np.float32)
    return _Axis(cells, pixels, box, size, square, lower, upper, share)


def _bands(seen: _Seen) -> Iterator[slice]:
    """The rows that are seen, in bands to interpolate."""
    row_numbers = len(seen.logits) * len(seen.x.square)
    # Each band mixes its cells along x anew, so that a few rows share the cells of two, while that is little memory.
    return bands(len(seen.y.square), row_numbers, max(4 * AT_ONCE, min(4 * row_numbers, 32 * AT_ONCE)))


def _interpolate(seen: _Seen, rows: slice) -> NDArray[np.float32]:
    """Logits (classes, rows, columns) of a band of the seen part's rows."""
    lower, upper, share = seen.y.lower[rows], seen.y.upper[rows], seen.y.share[rows, np.newaxis]
    first = lower[0]
    cells = seen.logits[:, first : upper[-1] + 1]
    wide = _mix(cells.take(seen.x.lower, axis=2), cells.take(seen.x.upper, axis=2), seen.x.share)
    return _mix(wide.take(lower - first, axis=1), wide.take(upper - first, axis=1), share)


def _mix(lower: NDArray[np.float32], upper: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Between two values. In this form a larger value never gives a smaller mixture, whatever is rounded."""
    return lower * (1 - share) + upper * share


def _classes(seen: _Seen) -> Mask:
    """The best class at every pixel that is seen."""
    cells = best_classes(seen.logits)
    if not (seen.y.share.any() or seen.x.share.any()) and cells.shape == (len(seen.y.square), len(seen.x.square)):
        return cells
    mask: Mask = cells.take(seen.x.lower, axis=1).take(seen.y.lower, axis=0)
    # The squares between centres; with one more row and column on each side, as far as the edge.
    around = np.pad(cells, 1, mode="edge")
    corner = around[:-1, :-1]
    mixed = (corner != around[:-1, 1:]) | (corner != around[1:, :-1]) | (corner != around[1:, 1:])
    y_pixels, y_count = _pixels(seen.y)
    x_pixels, x_count = _pixels(seen.x)
    mixed &= (y_count > 0)[:, np.newaxis] & (x_count > 0)
    squares_y, squares_x = np.nonzero(mixed)
    square_px = len(y_pixels) * len(x_pixels)
    if square_px > _PIXELS_AT_ONCE or len(squares_y) * (square_px + _SQUARE_COSTS_PX) > mask.size:
        for band in _bands(seen):
            mask[band] = best_classes(_interpolate(seen, band))
        return mask
    at_once = _PIXELS_AT_ONCE // square_px
    for first in range(0, len(squares_y), at_once):
        chunk = slice(first, first + at_once)
        rows, columns = y_pixels[:, np.newaxis, squares_y[chunk]], x_pixels[np.newaxis, :, squares_x[chunk]]
        mask[rows, columns] = _square_classes(seen, rows, columns)
    return mask


def _pixels(axis: _Axis) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pixels of each square along an axis (most, size + 1), the last one repeated, and how many there are."""
    edges = np.searchsorted(axis.square, np.arange(-1, axis.size + 1))
    count = np.diff(edges)
    offsets = np.minimum(np.arange(count.max())[:, np.newaxis], np.maximum(count, 1) - 1)
    return edges[:-1] + offsets, count


def _square_classes(seen: _Seen, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Mask:
    """The best classes (h, w, n) at the pixels `rows` (h, 1, n) and `columns` (1, w, n) of n squares."""
    width = seen.logits.shape[2]
    flat = seen.logits.reshape(len(seen.logits), -1)
    corners = np.stack(
        [
            flat.take(y[rows[0, 0]] * width + x[columns[0, 0]], axis=1)
            for y in (seen.y.lower, seen.y.upper)
            for x in (seen.x.lower, seen.x.upper)
        ]
    )
    # A class that is nowhere in a square above what another one has at least everywhere does not win in it.
    possible = corners.max(axis=0) >= corners.min(axis=0).max(axis=0)
    count = possible.sum(axis=0)
    squares = np.argsort(-count, kind="stable")
    candidates = np.nonzero(possible.T)[1]
    first_candidate = (np.cumsum(count) - count)[squares]
    share_x, share_y = seen.x.share[columns[:, :, squares]], seen.y.share[rows[:, :, squares]]
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
