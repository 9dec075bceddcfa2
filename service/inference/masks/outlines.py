"""Traces the outlines of the regions of a mask along the edges of its pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.inference.masks.corners import Corners, find_corners, vertical_edges, vertical_key
from service.inference.masks.cycles import Indices, cycle_labels, cycles, ranges
from service.inference.masks.winners import Mask


@dataclass(frozen=True, slots=True)
class Outlines:
    """The rings of a mask's regions: for each region its exterior, then its holes.

    A region is a set of pixels of one class that are connected over their edges; touching at a corner does not
    connect. Rings are not closed by repeating their first point, and no point comes twice in a ring.
    """

    points: NDArray[np.int32]
    """(points, 2), x and y, in corners of pixels: 0 to the width and 0 to the height."""
    starts: Indices
    """(rings + 1,), where the points of each ring begin, and the number of points."""
    classes: Indices
    """(rings,)."""
    exterior: Indices
    """(rings,), the exterior of each ring's region; itself where it is one."""
    parent: Indices
    """(rings,), the ring of the region that is met to the left of a hole's first point; itself where it is an
    exterior."""
    joint: Indices
    """(rings,), the point of `parent` at the upper end of what is met."""


def trace(mask: Mask, *, background: bool) -> Outlines:
    """The outlines of all regions, in order of class, then from top to bottom.

    Exteriors run clockwise on the screen (their area by the shoelace formula is positive) from their upper left
    corner, holes the other way round. Filled by the even-odd rule, the rings of a class give its pixels again.

    On each line of the grid the corners of a class are the ends of its edges by turns, so that sorting them by row
    and by column links them to rings. 12 megapixels with 278,000 corners take 60 ms of CPU time; a million pixels of
    noise, 2.7 million corners in 600,000 rings, 0.5 s.

    Args:
        mask: (H, W).
        background: Whether class 0 is the background, which is left out.
    """
    corners = find_corners(mask, background=background)
    ends, tops = vertical_edges(corners, *mask.shape)
    partner = np.empty(ends.size, np.int64)
    partner[ends] = ends[:, ::-1]
    # Over each horizontal edge to the corner where it arrives, up or down from there, and over the next one.
    arrives = np.arange(0, ends.size, 2) + corners.leaves[::2]
    turned = _turned(corners, cycle_labels(partner[arrives] >> 1))
    edges, starts = cycles(turned[partner[turned[arrives]]] >> 1)
    rings = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    areas = np.bincount(rings, ((corners.x[arrives ^ 1] - corners.x[arrives]) * corners.y[arrives])[edges])
    ring = np.empty_like(edges)
    ring[edges] = rings

    # The edge at which a hole begins is its uppermost one, with the region above.
    holes = np.flatnonzero(areas < 0)
    nearest = 2 * edges[starts[:-1]]
    sides = ends[:, 0][_left_of(mask, corners, 2 * edges[starts[holes]], tops)]
    nearest[holes] = turned[sides]
    parent = ring[nearest >> 1]
    exterior = parent
    while np.any(areas[exterior] < 0):
        exterior = exterior[exterior]

    by_region = np.argsort(exterior, kind="stable")
    lengths = np.diff(starts)[by_region]
    edges = edges[ranges(starts[by_region], lengths)]
    rank = np.empty_like(by_region)
    rank[by_region] = np.arange(len(rank))
    place = np.empty_like(edges)
    place[edges] = np.arange(len(edges))
    there = np.stack(((arrives ^ 1)[edges], arrives[edges]), axis=1).reshape(-1)
    return Outlines(
        np.stack((corners.x[there], corners.y[there]), axis=1).astype(np.int32),
        np.append(0, 2 * np.cumsum(lengths)),
        corners.classes[2 * edges[np.cumsum(lengths) - lengths]],
        rank[exterior[by_region]],
        rank[parent[by_region]],
        (2 * place[nearest >> 1] + (arrives[nearest >> 1] == nearest))[by_region],
    )


def _turned(corners: Corners, rings: Indices) -> Indices:
    """For each corner itself, or the other one at its vertex where one ring comes to a vertex twice.

    Going on from the other corner makes two rings of it that touch there: a ring and a hole in place of a ring
    around both, or two holes in place of one.
    """
    turned = np.arange(len(corners.x))
    first = turned[1:-1:2]
    second = first + 1
    touching = first[
        (corners.classes[first] == corners.classes[second])
        & (corners.y[first] == corners.y[second])
        & (corners.x[first] == corners.x[second])
        & (rings[first >> 1] == rings[second >> 1])
    ]
    turned[touching], turned[touching + 1] = touching + 1, touching
    return turned


def _left_of(mask: Mask, corners: Corners, begin: Indices, tops: Indices) -> Indices:
    """The vertical edges, as places in `tops`, that are met when going left from the pixels above some corners."""
    height, width = mask.shape
    rows, row = np.unique(corners.y[begin] - 1, return_inverse=True)
    part = mask[rows]
    begins = np.ones(part.shape, np.bool_)
    np.not_equal(part[:, 1:], part[:, :-1], out=begins[:, 1:])
    runs = np.flatnonzero(begins)
    x = runs[np.searchsorted(runs, row * width + corners.x[begin], "right") - 1] % width
    key = vertical_key(corners.classes[begin], x, rows[row], height, width) + 1
    return np.searchsorted(tops, key, "right") - 1
