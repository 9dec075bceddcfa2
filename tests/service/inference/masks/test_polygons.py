"""Rings along the edges of pixels say what the mask says."""

from typing import Any

import numpy as np
import orjson
import pycocotools.mask
import pytest
from hypothesis import given

from service.inference.masks.outlines import trace
from service.inference.masks.polygons import coco_polygons, polygons
from service.inference.masks.simplification import simplify
from service.inference.masks.winners import Mask
from tests.service.inference.masks.rings import area, filled, regions
from tests.service.inference.masks.sample_masks import SHAPES, blobs, drawn, masks

# What COCO's own decoder warns of is its arrays' way of being turned into numpy's.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

MASKS = SHAPES | {
    "blobs": blobs(60, 80),
    "noise": np.random.default_rng(0).integers(0, 3, (40, 50), dtype=np.uint8),
    "noise with lakes": (np.random.default_rng(0).random((40, 50)) < 0.65).astype(np.uint8),
}


def rings_of(region: dict[str, Any]) -> list[Any]:
    return [region["exterior"], *region["holes"]]


def check(mask: Mask) -> None:
    by_class = polygons(trace(mask, background=False))
    assert list(by_class) == np.unique(mask).tolist()
    for index, found in by_class.items():
        own = mask == index
        rings = [ring for region in found for ring in rings_of(region)]
        assert np.array_equal(filled(rings, mask.shape), own)
        # Each region is filled by itself, and they do not overlap.
        assert len(found) == regions(own)
        assert np.sum([filled(rings_of(region), mask.shape) for region in found], axis=0).max() == 1
        for region in found:
            assert regions(filled(rings_of(region), mask.shape)) == 1
            assert area(region["exterior"]) > 0
            assert all(area(hole) < 0 for hole in region["holes"])
        for ring in rings:
            steps = np.roll(ring, -1, axis=0) - ring
            # Along one axis, then along the other: no point in the midst of a line, none twice.
            assert np.all((steps == 0).sum(axis=1) == 1)
            assert np.all((steps == 0) == (np.roll(steps, -1, axis=0) != 0))
            assert len(np.unique(ring, axis=0)) == len(ring)


def check_coco(mask: Mask) -> None:
    for index, found in coco_polygons(trace(mask, background=False)).items():
        assert len(found) == regions(mask == index)
        drawn_by_coco = pycocotools.mask.frPyObjects([flat.tolist() for flat in found], *mask.shape)
        united = pycocotools.mask.decode(pycocotools.mask.merge(drawn_by_coco))
        assert np.array_equal(united, mask == index)


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_rings_give_the_mask_again_by_the_even_odd_rule(mask: Mask) -> None:
    check(mask)


@given(masks())
def test_rings_of_any_mask_give_it_again(mask: Mask) -> None:
    check(mask)


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_cocos_tools_draw_the_same_mask_from_flat_polygons(mask: Mask) -> None:
    check_coco(mask)


@given(masks())
def test_cocos_tools_draw_any_mask(mask: Mask) -> None:
    check_coco(mask)


def test_an_exterior_runs_clockwise_on_the_screen_from_its_upper_left_corner_and_is_not_closed() -> None:
    (region,) = polygons(trace(drawn("000", "011", "010"), background=True))[1]
    assert region["exterior"].tolist() == [[1, 1], [3, 1], [3, 2], [2, 2], [2, 3], [1, 3]]
    assert region["holes"] == []


def test_holes_that_touch_at_a_corner_are_two_and_so_are_regions() -> None:
    (region,) = polygons(trace(SHAPES["two holes that touch"], background=True))[1]
    assert [len(hole) for hole in region["holes"]] == [4, 4]
    assert len(polygons(trace(SHAPES["diagonal"], background=True))[1]) == 6


def test_a_hole_is_cut_open_for_coco() -> None:
    mask = drawn("1111", "1011", "1111")
    (flat,) = coco_polygons(trace(mask, background=True))[1]
    assert flat.tolist() == [0, 0, 2, 1, 1, 1, 1, 2, 2, 2, 2, 1, 0, 0, 4, 0, 4, 3, 0, 3]


def test_the_background_is_left_out_and_its_holes_stay() -> None:
    by_class = polygons(trace(MASKS["islands in lakes"], background=True))
    assert list(by_class) == [1]
    assert [len(region["holes"]) for region in by_class[1]] == [1, 1, 0]


def test_a_mask_of_nothing_but_background_has_no_outlines() -> None:
    outlines = simplify(trace(np.zeros((3, 4), np.uint8), background=True), 1)
    assert polygons(outlines) == {}
    assert coco_polygons(outlines) == {}


def test_polygons_are_written_as_json() -> None:
    by_class = polygons(trace(drawn("00", "01"), background=True))
    encoded = orjson.dumps(by_class[1], option=orjson.OPT_SERIALIZE_NUMPY)
    assert orjson.loads(encoded) == [{"exterior": [[1, 1], [2, 1], [2, 2], [1, 2]], "holes": []}]
