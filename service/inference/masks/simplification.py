"""Leaves out points of outlines that lie close to a straight line."""

from itertools import count
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.inference.masks.cycles import Indices, ranges
from service.inference.masks.outlines import Outlines

# Parts that are cut in the middle are done after twenty turns, however long; after so many turns those that are left
# are cut there too, which may keep a few points more and takes no more than twenty turns.
_TURNS: Final = 24


def simplify(outlines: Outlines, tolerance_px: float) -> Outlines:
    """The outlines with as few points as Douglas and Peucker's algorithm (1973) keeps, ring by ring.

    Every point that is left out lies within `tolerance_px` of the line that replaces it. A ring is cut in two at its
    first point and at the one farthest from that. Rings of fewer than three points are dropped, and with an exterior
    its holes. Neighbours are simplified apart from each other: they may come to overlap or to leave gaps as wide as
    the tolerance, and a ring may cross itself.

    Args:
        outlines: What `trace` returned.
        tolerance_px: At least 0; at 0 nothing changes.
    """
    if tolerance_px == 0 or not len(outlines.classes):
        return outlines
    kept = _kept(outlines, tolerance_px)
    sums = np.concatenate(([0], np.cumsum(kept)))
    lengths = sums[outlines.starts[1:]] - sums[outlines.starts[:-1]]
    left = (lengths >= 3) & (lengths >= 3)[outlines.exterior]

    # A hole whose parent is gone comes to that one's parent; an exterior that is kept ends the search.
    parent, joint = outlines.parent, outlines.joint
    while np.any(gone := left & ~left[parent]):
        parent, joint = np.where(gone, parent[parent], parent), np.where(gone, joint[parent], joint)
    kept &= np.repeat(left, np.diff(outlines.starts))
    sums = np.concatenate(([0], np.cumsum(kept)))
    # The point itself, or the one before it that is kept; a ring's first point always is.
    joint = sums[joint + 1] - 1
    rank = np.cumsum(left) - 1
    return Outlines(
        outlines.points[kept],
        np.append(0, np.cumsum(lengths[left])),
        outlines.classes[left],
        rank[outlines.exterior[left]],
        rank[parent[left]],
        joint[left],
    )


def _kept(outlines: Outlines, tolerance_px: float) -> NDArray[np.bool_]:
    """Which points stay (points,)."""
    lengths = np.diff(outlines.starts)
    starts, rings = outlines.starts[:-1], np.arange(len(lengths))
    # Each ring with its first point repeated at its end, so that every part of it is a range.
    closed = ranges(starts, lengths + 1)
    first = starts + rings
    closed[first + lengths] = starts
    # A point as a complex number: differences, lengths and products with one operation each.
    points = outlines.points[closed] @ np.array([1, 1j])
    kept = np.zeros(len(points), np.bool_)
    kept[first] = True

    farthest, distance = _peaks(np.abs(points - np.repeat(points[first], lengths + 1)), first)
    far = distance > tolerance_px
    kept[farthest[far]] = True
    low = np.concatenate((first[far], farthest[far]))
    high = np.concatenate((farthest[far], (first + lengths)[far]))
    for turn in count():
        some = high - low >= 2
        low, high = low[some], high[some]
        if not len(low):
            break
        between = high - low - 1
        inside = ranges(low + 1, between)
        start, chord = np.repeat(points[low], between), np.repeat(points[high] - points[low], between)
        peak, distance = _peaks(_distances(points[inside] - start, chord), np.cumsum(between) - between)
        far = distance > tolerance_px
        middle = inside[peak[far]] if turn < _TURNS else ((low + high) // 2)[far]
        kept[middle] = True
        low, high = np.concatenate((low[far], middle)), np.concatenate((middle, high[far]))
    return np.delete(kept, first + lengths)


def _peaks(values: NDArray[np.float64], starts: Indices) -> tuple[Indices, NDArray[np.float64]]:
    """Where the largest value of each range is, and that value; ranges begin at `starts`, none is empty.

    Of several that are equal but for rounding, the one in the middle: the steps of a diagonal all lie as far from it,
    and a step at one end would leave nearly all of them for the next turn.
    """
    largest = np.maximum.reduceat(values, starts)
    ends = np.append(starts[1:], len(values))
    equal = np.flatnonzero(values >= np.repeat(largest * (1 - 1e-9), ends - starts))
    return equal[(np.searchsorted(equal, starts) + np.searchsorted(equal, ends)) // 2], largest


def _distances(offsets: NDArray[np.complex128], chords: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Distances of points from segments: both given from where the segment begins."""
    # Turned and scaled so that the segment leads from 0 to 1.
    relative = offsets / chords
    return np.abs(relative - np.clip(relative.real, 0, 1)) * np.abs(chords)
