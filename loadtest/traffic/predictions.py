"""What an answer of classify says, and whether it is what another one said."""

import json
from dataclasses import dataclass
from typing import Any

# A run over several pictures, or another kind of processor, computes other last bits of a score.
_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Predictions:
    """An answer of classify."""

    model: object
    """Its name and version as they were written; None where there was none."""
    version: object
    classes: tuple[tuple[object, str], ...]
    """Index and label, the best first; an answer without indices has None there."""
    scores: tuple[float, ...]
    """Shares from 0 to 1, descending, one per class."""


def predictions_in(body: bytes) -> Predictions | None:
    """An answer's predictions; None where it has none, or scores that are no descending shares.

    Raises:
        Exception: whatever reading something else raises, RecursionError and OverflowError among it.
    """
    answer: dict[str, Any] = json.loads(body)
    listed = answer["predictions"]
    classes = tuple((each.get("index"), each["label"]) for each in listed)
    scores = tuple(float(each["score"]) for each in listed)
    ordered = all(1.0 >= left >= right >= 0.0 for left, right in zip((1.0, *scores), scores, strict=False))
    if not classes or not ordered or not all(isinstance(label, str) for _, label in classes):
        return None
    return Predictions(answer.get("model"), answer.get("version"), classes, scores)


def difference(found: Predictions, right: Predictions) -> str | None:
    """How an answer differs from the one at rest, in a few words; None where it does not.

    Scores may differ by a thousandth. Classes may change places, and the last of the list may be another one, where
    their scores are that near to each other.
    """
    if (found.model, found.version) != (right.model, right.version):
        return f"{found.model} version {found.version} instead of {right.model} version {right.version}"
    if len(found.classes) != len(right.classes) or len(set(found.classes)) != len(found.classes):
        return f"{len(set(found.classes))} classes instead of {len(right.classes)}"
    known = dict(zip(right.classes, right.scores, strict=True))
    # A class that was not in the list had no more than the last one in it, nor than those in it left over.
    others = min(right.scores[-1], 1 - sum(right.scores))
    for place, (each, score) in enumerate(zip(found.classes, found.scores, strict=True)):
        if max(abs(score - right.scores[place]), abs(score - known.get(each, others))) > _TOLERANCE:
            label, wanted = each[1], right.classes[place][1]
            if label != wanted:
                return f"label {label} instead of {wanted}"
            return f"score {score:.4g} of {label} instead of {right.scores[place]:.4g}"
    return None
