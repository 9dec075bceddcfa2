"""What is right about an answer: its labels and sizes, compared with what the service answers at rest."""

import json
from dataclasses import dataclass

from loadtest.traffic.pictures import Picture

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"IEND\xaeB`\x82"


@dataclass(frozen=True, slots=True)
class Question:
    """One request, complete: where it goes, with which picture, and the label that its answer has to give."""

    endpoint: str
    path: str
    picture: Picture
    label: str | None = None
    """Top-1 class; None where the answer is a picture, or not known yet."""


def problem_with(question: Question, body: bytes) -> str | None:
    """What is wrong with the body of an answer of status 200, in a few words; None if nothing is."""
    if question.endpoint != "classify":
        return _problem_with_png(body, question.picture)
    label = label_in(body)
    if label is None:
        return "no list of predictions that is ordered by score"
    if question.label is not None and label != question.label:
        return f"label {label} instead of {question.label}"
    return None


def label_in(body: bytes) -> str | None:
    """The top-1 label of an answer of classify; None if it has none, or scores that are no descending shares."""
    try:
        predictions = json.loads(body)["predictions"]
        scores = [float(each["score"]) for each in predictions]
        label = predictions[0]["label"]
    except (ValueError, KeyError, IndexError, TypeError):
        return None
    ordered = all(1.0 >= left >= right >= 0.0 for left, right in zip([1.0, *scores], scores, strict=False))
    return label if ordered and isinstance(label, str) else None


def _problem_with_png(body: bytes, picture: Picture) -> str | None:
    """A mask or a map has to be a whole PNG of the size of the picture; decoding it would cost more than sending it."""
    if not (body.startswith(_SIGNATURE) and body.endswith(_END)):
        return "no whole PNG"
    width, height = int.from_bytes(body[16:20]), int.from_bytes(body[20:24])
    if (width, height) != (picture.width, picture.height):
        return f"a PNG of {width}x{height} for a picture of {picture.width}x{picture.height}"
    return None
