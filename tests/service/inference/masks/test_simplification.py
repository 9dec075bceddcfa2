import numpy as np
import pycocotools.mask
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.inference.masks import simplification
from service.inference.masks.outlines import Outlines, trace
from service.inference.masks.polygons import coco_polygons, polygons
from service.inference.masks.simplification import simplify
from service.inference.masks.winners import Mask
from tests.service.inference.masks.rings import Points, distance, filled
from tests.service.inference.masks.sample_masks import blobs, drawn, masks

# What COCO's own decoder warns of is its arrays' way of being turned into numpy's.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def rings_of(outlines: Outlines) -> list[Points]:
    return np.split(outlines.points, outlines.starts[1:-1])


def disc(radius_px: int, hole_px: int = 0) -> Mask:
    y, x = np.mgrid[-radius_px : radius_px + 1, -radius_px : radius_px + 1]
    radii = np.hypot(x, y)
    mask: Mask = ((radii <= radius_px) & (radii >= hole_px)).astype(np.uint8)
    return mask


def test_at_tolerance_0_nothing_changes() -> None:
    outlines = trace(blobs(40, 50), background=False)
    assert simplify(outlines, 0) is outlines


@pytest.mark.parametrize("tolerance_px", [0.5, 1, 3, 10.5])
def test_what_is_left_out_lies_within_the_tolerance(tolerance_px: float) -> None:
    outlines = trace(disc(40, 20), background=True)
    simplified = simplify(outlines, tolerance_px)
    assert len(simplified.points) < len(outlines.points)
    for ring, simple in zip(rings_of(outlines), rings_of(simplified), strict=True):
        assert {tuple(point) for point in simple.tolist()} <= {tuple(point) for point in ring.tolist()}
        assert max(distance(point, simple) for point in ring) <= tolerance_px + 1e-9


def test_a_square_turned_by_45_degrees_keeps_its_corners_only() -> None:
    y, x = np.mgrid[-30:31, -30:31]
    (region,) = polygons(simplify(trace((abs(x) + abs(y) <= 30).astype(np.uint8), background=True), 1))[1]
    assert len(region["exterior"]) <= 8


def test_a_region_thinner_than_the_tolerance_is_dropped_with_its_holes() -> None:
    mask = drawn("11111111", "10011001", "11111111", "00000000", "02222222")
    assert list(polygons(simplify(trace(mask, background=True), 0.5))) == [1, 2]
    assert list(polygons(simplify(trace(mask, background=True), 1.5))) == [1]
    assert polygons(simplify(trace(mask, background=True), 9)) == {}


def test_a_hole_smaller_than_the_tolerance_is_filled() -> None:
    mask = disc(20)
    mask[18, 18] = 0
    (region,) = polygons(simplify(trace(mask, background=True), 2))[1]
    assert region["holes"] == []


@given(masks(), st.floats(0.01, 6))
def test_any_outline_can_be_simplified(mask: Mask, tolerance_px: float) -> None:
    outlines = trace(mask, background=False)
    simplified = simplify(outlines, tolerance_px)
    regions = [region for found in polygons(simplified).values() for region in found]
    assert len(regions) == sum(len(flat) for flat in coco_polygons(simplified).values())
    assert all(len(ring) >= 3 for region in regions for ring in (region["exterior"], *region["holes"]))
    assert len(simplified.points) <= len(outlines.points)


@pytest.mark.parametrize(("tolerance_px", "iou"), [(0, 1), (1, 0.97), (2, 0.94)])
def test_coco_draws_nearly_the_mask_from_simplified_polygons(tolerance_px: float, iou: float) -> None:
    # A disc with a hole, and a few holes more beside each other.
    mask = disc(60, 15)
    mask[20:30, 40:80:14] = 0
    mask[95:105, 50:60] = 0
    simplified = simplify(trace(mask, background=True), tolerance_px)
    by_coco = pycocotools.mask.frPyObjects([flat.tolist() for flat in coco_polygons(simplified)[1]], *mask.shape)
    united = pycocotools.mask.decode(pycocotools.mask.merge(by_coco))
    assert (united & mask).sum() / (united | mask).sum() >= iou
    by_even_odd = filled(rings_of(simplified), mask.shape)
    assert (by_even_odd & (mask == 1)).sum() / (by_even_odd | (mask == 1)).sum() >= iou


def test_a_spiral_of_many_turns_is_simplified_without_recursion() -> None:
    # One region whose outline folds as often as the mask has rows.
    mask = np.zeros((401, 40), np.uint8)
    mask[::2] = 1
    mask[1::4, -1] = 1
    mask[3::4, 0] = 1
    outlines = trace(mask, background=True)
    assert len(outlines.classes) == 1
    simplified = simplify(outlines, 0.4)
    assert len(simplified.points) == len(outlines.points)


def stripes(edge_px: int, period_px: int) -> Mask:
    """Diagonal ones, whose borders are staircases: every step lies as far from the straight line."""
    y, x = np.mgrid[:edge_px, :edge_px]
    mask: Mask = ((x + y) // (period_px // 2) % 2).astype(np.uint8)
    return mask


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many points each turn has looked at."""
    numbers = []
    distances = simplification._distances

    def counted(offsets: NDArray[np.complex128], chords: NDArray[np.complex128]) -> NDArray[np.float64]:
        numbers.append(len(offsets))
        return distances(offsets, chords)

    monkeypatch.setattr(simplification, "_distances", counted)
    return numbers


@pytest.mark.parametrize("tolerance_px", [0.1, 0.5, 0.7])
def test_the_steps_of_diagonals_are_no_more_work_than_others(tolerance_px: float, looked_at: list[int]) -> None:
    outlines = trace(stripes(400, 40), background=True)
    simplify(outlines, tolerance_px)
    # Each turn leaves parts a good deal shorter; one point less in each would take hundreds of turns.
    longest = int(np.diff(outlines.starts).max())
    assert len(looked_at) <= 2 * longest.bit_length()


def test_a_curve_that_bends_ever_more_is_cut_in_the_middle_in_the_end(looked_at: list[int]) -> None:
    # Farthest from the chord is always a point near one end, so that each turn would take a few points off.
    widths = np.round(1.02 ** np.arange(400)).astype(np.int64)
    mask = (np.arange(widths[-1] + 1) < widths[:, np.newaxis]).astype(np.uint8)
    outlines = trace(mask, background=True)
    simplified = simplify(outlines, 0.01)
    assert np.array_equal(filled(rings_of(simplified), mask.shape), mask == 1)
    assert 24 < len(looked_at) <= 24 + len(outlines.points).bit_length()
