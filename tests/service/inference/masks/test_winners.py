import numpy as np
import pytest

from service.inference.masks.winners import best_classes, best_scores, mask_type
from tests.service.inference.masks.sample_masks import smooth_logits


@pytest.mark.parametrize("shape", [(1, 3, 4), (2, 1, 1), (21, 90, 700), (300, 17, 31)])
def test_the_best_class_is_that_of_argmax(shape: tuple[int, int, int]) -> None:
    # Whole numbers, so that many are equal.
    logits = np.random.default_rng(0).integers(-5, 5, shape).astype(np.float32)
    classes = best_classes(logits)
    assert np.array_equal(classes, logits.argmax(axis=0))
    assert classes.flags.c_contiguous


@pytest.mark.parametrize(("classes", "number"), [(1, np.uint8), (256, np.uint8), (257, np.uint16), (1000, np.uint16)])
def test_a_mask_is_as_small_as_its_classes_allow(classes: int, number: type) -> None:
    assert mask_type(classes) is number
    assert best_classes(np.zeros((classes, 2, 3), np.float32)).dtype == number


def test_scores_are_those_of_softmax() -> None:
    logits = smooth_logits(7, 40, 50).astype(np.float64)
    scores = np.exp(logits).max(axis=0) / np.exp(logits).sum(axis=0)
    assert best_scores(logits.astype(np.float32)) / 255 == pytest.approx(scores, abs=0.5 / 255 + 1e-6)


def test_scores_of_huge_logits_do_not_overflow() -> None:
    logits = np.array([[[1e30, 1000.0]], [[-1e30, 1000.0]]], np.float32)
    assert best_scores(logits).tolist() == [[255, 128]]
