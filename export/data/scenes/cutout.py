"""Cuts an item out of its picture, and scales and turns it, by arithmetic that is the same on every machine."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.data.scenes.rules import ITEM_PX, SceneRules

_MARGIN_PX = 2


@dataclass(frozen=True, kw_only=True)
class Cutout:
    """An item ready to be laid down, in the smallest rectangle that holds it."""

    levels: NDArray[np.float64]
    """Gray levels in [0, 255], (h, w); anything where `cover` is 0."""
    cover: NDArray[np.float64]
    """Share of each pixel that the item covers, in [0, 1], (h, w)."""
    mask: NDArray[np.bool_]
    """The pixels that are the item's: at least half covered, (h, w)."""


def item_mask(item: NDArray[np.uint8], rules: SceneRules, *, holes: bool) -> NDArray[np.bool_]:
    """The pixels of an item, (28, 28), by the rules' threshold; without `holes`, all that they enclose is its too.

    A hole is what no path of horizontal and vertical steps over pixels outside the item connects with the edge.
    """
    inside = item > rules.mask_threshold
    inside &= item * 100.0 > np.median(item[inside]) * rules.mask_percent
    if holes:
        return inside
    outside = np.pad(~inside, 1, constant_values=True)
    reached = np.zeros_like(outside)
    reached[0] = True
    count, before = int(reached.sum()), 0
    while count != before:
        reached[1:] |= reached[:-1]
        reached[:-1] |= reached[1:]
        reached[:, 1:] |= reached[:, :-1]
        reached[:, :-1] |= reached[:, 1:]
        reached &= outside
        count, before = int(reached.sum()), count
    return ~reached[1:-1, 1:-1]


def turn(item: NDArray[np.uint8], mask: NDArray[np.bool_], *, scale: float, degrees: int) -> Cutout:
    """An item (28, 28) with its mask, scaled and turned counter-clockwise about its centre, bilinearly sampled.

    The gray levels at its edge are those of its own pixels: the black around it is not mixed in. `scale` is at
    least 0.5, so that no pixel of the item falls between the samples.

    Pillow's rotation rounds as the compiler happens to order it; here every step is one that IEEE 754 defines.
    """
    # Cosine and sine are the library's, which may differ in the last bit.
    cosine, sine = (round(function(math.radians(degrees)), 9) for function in (math.cos, math.sin))
    side = math.ceil(ITEM_PX * scale * (abs(cosine) + abs(sine))) + 2
    steps = (np.arange(side) - (side - 1) / 2) / scale
    centre = (ITEM_PX - 1) / 2 + _MARGIN_PX
    x = np.clip(cosine * steps[None, :] - sine * steps[:, None] + centre, 0, ITEM_PX + 2 * _MARGIN_PX - 1.5)
    y = np.clip(sine * steps[None, :] + cosine * steps[:, None] + centre, 0, ITEM_PX + 2 * _MARGIN_PX - 1.5)
    left, top = x.astype(np.int64), y.astype(np.int64)
    right_share, lower_share = x - left, y - top
    padded = np.pad(np.stack((mask, mask * item)).astype(np.float64), ((0, 0), *((_MARGIN_PX, _MARGIN_PX),) * 2))
    upper = padded[:, top, left] * (1 - right_share) + padded[:, top, left + 1] * right_share
    lower = padded[:, top + 1, left] * (1 - right_share) + padded[:, top + 1, left + 1] * right_share
    cover, weighted = upper * (1 - lower_share) + lower * lower_share
    levels = weighted / np.maximum(cover, 1e-6)
    rows, columns = np.flatnonzero(cover.any(axis=1)), np.flatnonzero(cover.any(axis=0))
    held = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return Cutout(levels=levels[held], cover=cover[held], mask=cover[held] >= 0.5)
