"""Writes the outlines of regions as polygons: with holes, or as COCO's flat lists of coordinates."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.inference.masks.cycles import cycles
from service.inference.masks.outlines import Outlines


def polygons(outlines: Outlines) -> dict[int, list[dict[str, Any]]]:
    """The regions of each class: `{"exterior": points, "holes": [points, ...]}`, with points int32 (n, 2), x and y."""
    regions: dict[int, list[dict[str, Any]]] = {}
    starts, points = outlines.starts.tolist(), outlines.points
    rows = zip(outlines.classes.tolist(), outlines.exterior.tolist(), strict=True)
    for ring, (index, exterior) in enumerate(rows):
        own = points[starts[ring] : starts[ring + 1]]
        if ring == exterior:
            regions.setdefault(index, []).append({"exterior": own, "holes": []})
        else:
            regions[index][-1]["holes"].append(own)
    return regions


def coco_polygons(outlines: Outlines) -> dict[int, list[NDArray[np.int32]]]:
    """The regions of each class as COCO writes them, one flat list [x1, y1, x2, y2, ...] each, int32.

    COCO's tools unite the polygons of an annotation and know no holes. So a region with holes is written as one ring:
    a cut leads from the exterior, or from another hole, to the first point of a hole, and the ring goes over it, around
    the hole and back the same way. Without simplification pycocotools draws exactly the mask from these lists.
    """
    points, starts = _cut_open(outlines)
    flat = points.reshape(-1)
    lists: dict[int, list[NDArray[np.int32]]] = {}
    exteriors = np.flatnonzero(outlines.exterior == np.arange(len(outlines.classes)))
    limits = (2 * starts).tolist()
    for region, index in enumerate(outlines.classes[exteriors].tolist()):
        lists.setdefault(index, []).append(flat[limits[region] : limits[region + 1]])
    return lists


def _cut_open(outlines: Outlines) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Points of one ring per region, and where each begins, and the number of points."""
    holes = np.flatnonzero(outlines.parent != np.arange(len(outlines.classes)))
    # A ring's points follow each other, the first after the last.
    total = len(outlines.points)
    first, last = outlines.starts[:-1], outlines.starts[1:] - 1
    following = np.arange(1, total + 2 * len(holes) + 1)
    following[last] = first
    # From the joint to the hole, around it to its first point again, and back to the joint: two points come twice.
    holes = holes[np.argsort(outlines.joint[holes], kind="stable")]
    joints = outlines.joint[holes]
    hole_again, joint_again = total + 2 * np.arange(len(holes)), total + 2 * np.arange(len(holes)) + 1
    following[last[holes]] = hole_again
    following[hole_again] = joint_again
    following[joint_again] = following[joints]
    # Where several holes begin at one joint, each goes on from the end of the one before.
    same = np.concatenate((np.zeros(1, np.bool_), joints[1:] == joints[:-1]))[: len(joints)]
    from_joint = np.where(same, np.concatenate(([0], joint_again))[: len(joints)], joints)
    following[from_joint] = first[holes]
    order, starts = cycles(following)
    again = np.stack((first[holes], joints), axis=1).reshape(-1)
    return outlines.points[np.concatenate((np.arange(total), again))[order]], starts
