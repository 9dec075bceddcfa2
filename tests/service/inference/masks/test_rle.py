"""Run lengths, against COCO's own tools."""

from typing import Any

import numpy as np
import pycocotools.mask
import pytest
from hypothesis import given

from service.inference.masks.rle import compress, encode_rle, run_lengths
from service.inference.masks.winners import Mask
from tests.service.inference.masks.sample_masks import SHAPES, blobs, masks

# What COCO's own decoder warns of is its arrays' way of being turned into numpy's.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

MASKS = SHAPES | {
    "blobs": blobs(150, 200),
    "noise": np.random.default_rng(0).integers(0, 4, (60, 50), dtype=np.uint8),
    "300 classes": np.random.default_rng(0).integers(0, 300, (60, 50), dtype=np.uint16),
}


def check(mask: Mask) -> None:
    compressed = encode_rle(mask, background=False, compressed=True)
    uncompressed = encode_rle(mask, background=False, compressed=False)
    assert list(compressed) == list(uncompressed) == np.unique(mask).tolist()
    for index, rle in compressed.items():
        own = mask == index
        by_coco: dict[str, Any] = pycocotools.mask.encode(np.asfortranarray(own))
        assert rle == {"size": by_coco["size"], "counts": by_coco["counts"].decode()}
        assert np.array_equal(pycocotools.mask.decode(rle), own)
        counts = {"size": list(mask.shape), "counts": uncompressed[index]["counts"].tolist()}
        assert pycocotools.mask.frPyObjects(counts, *mask.shape) == by_coco


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_cocos_tools_encode_the_same_and_read_the_mask(mask: Mask) -> None:
    check(mask)


@given(masks())
def test_any_mask_is_read_by_cocos_tools(mask: Mask) -> None:
    check(mask)


def test_runs_go_down_the_columns_and_begin_outside_the_class() -> None:
    mask = np.array([[1, 1, 0], [0, 1, 0]], np.uint8)
    runs = run_lengths(mask, background=False)
    assert {index: counts.tolist() for index, counts in runs.items()} == {0: [1, 1, 2, 2], 1: [0, 1, 1, 2, 2]}


def test_the_background_is_left_out() -> None:
    mask = MASKS["blobs"]
    everything = run_lengths(mask, background=False)
    others = run_lengths(mask, background=True)
    assert list(others) == [1, 2, 3, 4]
    assert all(np.array_equal(others[index], everything[index]) for index in others)
    assert encode_rle(np.zeros((3, 4), np.uint8), background=True, compressed=True) == {}


def test_the_longest_runs_of_a_large_picture_are_written() -> None:
    # 4 billion pixels: as many as COCO's tools can count, and more than a test wants in memory.
    size = [65535, 65535]
    counts = np.array([0, 1, 2**31, 5, 7, 65535**2 - 2**31 - 13], np.int64)
    (text,) = compress([counts])
    assert pycocotools.mask.frPyObjects({"size": size, "counts": counts.tolist()}, *size)["counts"] == text.encode()
