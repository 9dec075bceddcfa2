"""Scores of masks: a confusion matrix of pixels, and what is read from it."""

import numpy as np
from numpy.typing import NDArray

from export.recipes.recipe import IGNORED


def confusion(answers: NDArray[np.uint8], truth: NDArray[np.uint8], *, classes: int) -> NDArray[np.int64]:
    """Pixels per true class (row) and answer (column), (classes, classes), of two masks of one shape.

    Pixels that are ignored do not count.
    """
    counted = truth != IGNORED
    pairs = truth[counted].astype(np.int64) * classes + answers[counted]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def class_ious(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Intersection over union of each class, (classes,): NaN where a class is neither there nor answered.

    Everingham et al. 2010, "The Pascal Visual Object Classes (VOC) Challenge", section 4.1; over all pixels of all
    pictures together.
    """
    hits = np.diagonal(confusion).astype(np.float64)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - hits
    ious = np.full(len(hits), np.nan)
    np.divide(hits, union, out=ious, where=union > 0)
    return ious


def mean_iou(confusion: NDArray[np.int64]) -> float:
    """Mean of the classes' intersections over unions; 0 where no pixel counts."""
    ious = class_ious(confusion)
    return float(np.nanmean(ious)) if np.isfinite(ious).any() else 0.0


def pixel_accuracy(confusion: NDArray[np.int64]) -> float:
    """Share of the pixels that have their class; 0 where no pixel counts."""
    return float(np.trace(confusion) / max(1, confusion.sum()))
