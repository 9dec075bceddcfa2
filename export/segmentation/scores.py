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


def class_ious(confusion: NDArray[np.int64], *, ignored: int = IGNORED) -> NDArray[np.float64]:
    """Intersection over union of each class, (classes,): NaN where a class is neither there nor answered.

    The class `ignored`, whose pixels do not count, has NaN too: no mask could show that such an answer was right, and
    where it is wrong the other classes have less. Everingham et al. 2010, "The Pascal Visual Object Classes (VOC)
    Challenge", section 4.1; over all pixels of all pictures together.
    """
    hits = np.diagonal(confusion).astype(np.float64)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - hits
    ious = np.full(len(hits), np.nan)
    np.divide(hits, union, out=ious, where=union > 0)
    ious[ignored : ignored + 1] = np.nan
    return ious


def mean_iou(confusion: NDArray[np.int64], *, ignored: int = IGNORED) -> float:
    """Mean of the classes' intersections over unions, see `class_ious`; 0 where no pixel counts."""
    ious = class_ious(confusion, ignored=ignored)
    return float(np.nanmean(ious)) if np.isfinite(ious).any() else 0.0


def pixel_accuracy(confusion: NDArray[np.int64]) -> float:
    """Share of the pixels that have their class; 0 where no pixel counts."""
    return float(np.trace(confusion) / max(1, confusion.sum()))
