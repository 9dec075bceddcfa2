"""Scores of masks, counted by hand."""

import numpy as np
import pytest
import torch

from export.recipes.recipe import IGNORED
from export.segmentation.evaluation import MaskEvaluation
from export.segmentation.learner import MeanIoU
from export.segmentation.scores import class_ious, confusion, mean_iou, pixel_accuracy

TRUTH = np.array([[0, 0, 0, 1], [0, 0, 1, 1], [2, IGNORED, 1, IGNORED]], np.uint8)
ANSWERS = np.array([[0, 0, 1, 1], [0, 2, 1, 1], [2, 0, 0, 1]], np.uint8)
MATRIX = [[3, 1, 1, 0], [1, 3, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_pixels_are_counted_by_truth_and_answer() -> None:
    assert confusion(ANSWERS, TRUTH, classes=4).tolist() == MATRIX


def test_scores_are_what_a_hand_count_gives() -> None:
    matrix = np.array(MATRIX)
    # Common pixels over those of either: background 3 of 6, then 3 of 5, then 1 of 2; the last is nowhere.
    np.testing.assert_allclose(class_ious(matrix), [3 / 6, 3 / 5, 1 / 2, np.nan])
    assert mean_iou(matrix) == pytest.approx((3 / 6 + 3 / 5 + 1 / 2) / 3)
    assert pixel_accuracy(matrix) == 7 / 10


def test_a_class_that_is_answered_and_nowhere_there_counts_as_wrong() -> None:
    assert mean_iou(np.array([[4, 0], [0, 0]])) == 1
    assert mean_iou(np.array([[4, 4], [0, 0]])) == pytest.approx((0.5 + 0) / 2)


def test_an_ignored_class_does_not_count_where_it_is_answered_either() -> None:
    truth = np.where(TRUTH == 2, IGNORED, TRUTH).astype(np.uint8)
    matrix = confusion(ANSWERS, truth, classes=4)
    np.testing.assert_allclose(class_ious(matrix, ignored=2), [3 / 6, 3 / 5, np.nan, np.nan])
    assert mean_iou(matrix, ignored=2) == pytest.approx((3 / 6 + 3 / 5) / 2)
    evaluation = MaskEvaluation.of(
        matrix, labels=("ground", "a", "b", "c"), ignored=2, images=1, sha256="ab", dataset="things"
    )
    assert evaluation.mean_iou == mean_iou(matrix, ignored=2)
    assert [result.iou is None for result in evaluation.classes] == [False, False, True, True]
    assert [result.pixels for result in evaluation.classes] == [5, 4, 0, 0]


def test_the_score_of_training_is_the_same_over_all_batches() -> None:
    for ignored in (IGNORED, 1):
        truth = np.where(ignored == TRUTH, IGNORED, TRUTH).astype(np.uint8)
        metric = MeanIoU(4, ignored=ignored)
        for row in range(3):
            answers = torch.from_numpy(ANSWERS[row].astype(np.int64))
            metric.update(answers, torch.from_numpy(truth[row].astype(np.int64)))
        expected = mean_iou(confusion(ANSWERS, truth, classes=4), ignored=ignored)
        assert metric.compute().item() == pytest.approx(expected)


def test_where_no_pixel_counts_scores_are_zero() -> None:
    nothing = confusion(ANSWERS, np.full_like(TRUTH, IGNORED), classes=3)
    assert (mean_iou(nothing), pixel_accuracy(nothing)) == (0, 0)
