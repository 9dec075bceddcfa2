"""Logits are resized before they are compared: as Pillow resizes, without computing what is certain."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.errors import DeadlineExceeded
from service.inference.masks.resizing import picture_classes, picture_scores
from tests.service.inference.masks.sample_masks import smooth_logits

SIZES_PX = [(96, 80), (200, 170), (97, 161), (61, 47), (31, 200), (1000, 23), (1, 1), (1, 400), (96, 250)]


def resized(logits: NDArray[np.float32], size_px: tuple[int, int]) -> NDArray[np.float32]:
    """All logits (classes, height, width), by Pillow."""
    planes = (Image.fromarray(plane).resize(size_px, Image.Resampling.BILINEAR) for plane in logits)
    return np.stack([np.asarray(plane) for plane in planes])


@pytest.mark.parametrize("size_px", SIZES_PX)
@pytest.mark.parametrize("classes", [2, 21, 257])
def test_classes_are_those_of_resized_logits(classes: int, size_px: tuple[int, int]) -> None:
    logits = smooth_logits(classes, 80, 96)
    mask = picture_classes(logits, size_px)
    assert mask.shape == size_px[::-1]
    assert mask.dtype == (np.uint8 if classes <= 256 else np.uint16)
    assert mask.flags.c_contiguous
    by_pillow = resized(logits, size_px)
    # Where another class wins, the two are equal but for rounding.
    won = np.take_along_axis(by_pillow, mask[np.newaxis].astype(np.intp), axis=0)[0]
    assert won == pytest.approx(by_pillow.max(axis=0), abs=1e-5)
    assert np.count_nonzero(mask != by_pillow.argmax(axis=0)) <= mask.size // 10000


@pytest.mark.parametrize("size_px", SIZES_PX)
def test_scores_are_those_of_resized_logits(size_px: tuple[int, int]) -> None:
    logits = smooth_logits(5, 80, 96)
    scores = picture_scores(logits, size_px)
    exponentials = np.exp(resized(logits, size_px).astype(np.float64))
    expected = exponentials.max(axis=0) / exponentials.sum(axis=0)
    assert scores / 255 == pytest.approx(expected, abs=0.51 / 255)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 5), (7, 1), (6, 9)])
@pytest.mark.parametrize("size_px", [(1, 1), (40, 30), (3, 200), (7, 6), (700, 500)])
def test_noise_in_a_few_cells_gives_what_pillow_gives(shape: tuple[int, int], size_px: tuple[int, int]) -> None:
    logits = np.random.default_rng(0).normal(0, 4, (6, *shape)).astype(np.float32)
    mask = picture_classes(logits, size_px)
    assert np.count_nonzero(mask != resized(logits, size_px).argmax(axis=0)) <= 2


def test_of_equal_classes_the_lower_one_wins_between_cells_too() -> None:
    logits = np.zeros((4, 5, 5), np.float32)
    logits[0] = -1
    logits[3, 2, 2] = 1
    mask = picture_classes(logits, (50, 50))
    assert np.unique(mask).tolist() == [1, 3]
    assert np.all(mask[:, :10] == 1)


def test_a_class_that_is_second_at_all_cells_can_win_between_them() -> None:
    logits = np.array([[[4.0, 0.0]], [[0.0, 4.0]], [[3.0, 3.0]]], np.float32)
    assert picture_classes(logits, (8, 1)).tolist() == [[0, 0, 0, 2, 2, 1, 1, 1]]


def test_a_large_picture_takes_memory_for_its_mask_and_little_more() -> None:
    logits = smooth_logits(21, 96, 128)
    tracemalloc.start()
    try:
        for decide in (picture_classes, picture_scores):
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            decide(logits, (2400, 1800))
            _, peak = tracemalloc.get_traced_memory()
            # All logits would be 360 MB.
            assert peak - before < 25e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("decide", [picture_classes, picture_scores])
def test_work_that_nobody_waits_for_ends_early(decide: Callable[..., NDArray[np.uint8]]) -> None:
    logits = np.random.default_rng(0).normal(0, 4, (60, 40, 40)).astype(np.float32)
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise DeadlineExceeded("Nobody waits for the answer any more.")

    with pytest.raises(DeadlineExceeded):
        decide(logits, (2000, 1500), check=check)
    calls = 100
    decide(logits, (200, 150), check=check)
    assert calls > 100


def test_a_class_that_cannot_be_is_nowhere() -> None:
    logits = np.random.default_rng(0).normal(0, 4, (4, 6, 6)).astype(np.float32)
    logits[0] = -np.inf
    mask = picture_classes(logits, (18, 18))
    assert np.array_equal(mask, 1 + picture_classes(logits[1:], (18, 18)))
    assert np.array_equal(picture_scores(logits, (18, 18)), picture_scores(logits[1:], (18, 18)))
