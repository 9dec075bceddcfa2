"""Asks a classifier: scores per class, the best classes, and the map of what decided for one class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.errors import UnknownTarget
from service.inference.model import LoadedModel

TOP_1: Final = -1
"""The target that stands for the best class."""

_LOGITS: Final = ["logits"]
_LOGITS_AND_CAM: Final = ["logits", "cam"]
_ALL_TOP_1: Final = np.full(64, TOP_1, np.int64)
# Below this many classes Python's sort is faster than numpy's three calls.
_FEW_CLASSES = 64


@dataclass(frozen=True, slots=True)
class Prediction:
    """One class and how sure the network is of it."""

    index: int
    label: str
    score: float
    """In [0, 1]; the scores of all classes sum to 1."""


def classify_batch(model: LoadedModel, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scores (N, classes) of pictures (N, H, W, C), preprocessed; every row sums to 1."""
    pictures = len(batch)
    targets = _ALL_TOP_1[:pictures] if pictures <= len(_ALL_TOP_1) else np.full(pictures, TOP_1, np.int64)
    (logits,) = model.session.run(_LOGITS, {"image": batch, "target": targets})
    return softmax(logits)


def explain_batch(
    model: LoadedModel, batch: NDArray[np.uint8], targets: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Scores, and one map per picture of what spoke for a class.

    Args:
        model: Any classifier.
        batch: (N, H, W, C), preprocessed.
        targets: (N,), class indices; -1 means the best class of that picture.

    Returns:
        Scores (N, classes); maps (N, h, w), raw; the classes that the maps explain (N,), -1 resolved.
    """
    logits, maps = model.session.run(_LOGITS_AND_CAM, {"image": batch, "target": targets})
    return softmax(logits), maps, np.where(targets == TOP_1, logits.argmax(axis=1), targets)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores (N, classes) that sum to 1 per row; logits of any size, as the largest of a row is taken off first."""
    scores = logits - np.maximum.reduce(logits, axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= np.add.reduce(scores, axis=1, keepdims=True)
    return scores


def top_k(scores: NDArray[np.float32], labels: Sequence[str], k: int) -> list[Prediction]:
    """The `k` best classes, or all where there are fewer; best first, and of equals the lower index first.

    Args:
        scores: (classes,).
        labels: One per class.
        k: At least 1.
    """
    if len(scores) <= _FEW_CLASSES:
        values = scores.tolist()
        best = sorted(range(len(values)), key=values.__getitem__, reverse=True)[:k]
        return [Prediction(index, labels[index], values[index]) for index in best]
    k = min(k, len(scores))
    # Selecting first spares the sort of a thousand classes; `>=` keeps all equals of the last one chosen.
    last_chosen = np.partition(scores, len(scores) - k)[len(scores) - k]
    candidates = np.flatnonzero(scores >= last_chosen)
    order = candidates[np.argsort(-scores[candidates], kind="stable")][:k]
    return [Prediction(index, labels[index], float(scores[index])) for index in order.tolist()]


def resolve_target(model: LoadedModel, text: str | None) -> int:
    """The class that a caller names: an integer is an index, anything else a label, None the best class (-1).

    Raises:
        UnknownTarget: There is no such class.
    """
    if text is None:
        return TOP_1
    labels = model.metadata.labels
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        # The length first: Python refuses to turn thousands of digits into a number.
        if len(text) <= len(str(len(labels))) and 0 <= int(text) < len(labels):
            return int(text)
    elif text in labels:
        return labels.index(text)
    shown = text if len(text) <= 60 else f"{text[:60]}..."
    raise UnknownTarget(
        f"{model.name} has no class {shown!r}: it has the indices 0 to {len(labels) - 1} and their labels."
    )
