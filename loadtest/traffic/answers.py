"""What is right about an answer: its label or its picture, compared with what the service answers at rest."""

import io
import json
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, UnidentifiedImageError

from loadtest.traffic.pictures import Picture

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"IEND\xaeB`\x82"
# A replica on another kind of processor computes other last bits: they change no class of a pixel but the rare one at a
# border, and no colour by more than its rounding.
_OTHER_PIXELS_SHARE = 0.001
_LEVELS = {"segment": 0, "cam": 2}
_MOST_KNOWN = 8


@dataclass(frozen=True, slots=True)
class Question:
    """One request, complete: where it goes, with which picture, and what its answer has to be."""

    endpoint: str
    path: str
    picture: Picture
    label: str | None = None
    """Top-1 class; None where the answer is a picture, or not known yet."""
    known: list[bytes] = field(default_factory=list)
    """PNG that are the right answer, the one that was given at rest first; empty where it is a label, or not known."""


def answered(question: Question, body: bytes) -> Question:
    """The question with the body that it got at rest as its right answer."""
    if question.endpoint == "classify":
        return Question(question.endpoint, question.path, question.picture, label=label_in(body))
    return Question(question.endpoint, question.path, question.picture, known=[body])


def problem_with(question: Question, body: bytes) -> str | None:
    """What is wrong with the body of an answer of status 200, in a few words; None if nothing is."""
    if question.endpoint != "classify":
        return None if body in question.known else _problem_with_png(question, body)
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


def code_in(body: bytes) -> str | None:
    """The service's own word for its error; None where the body has none."""
    try:
        code = json.loads(body)["code"]
    except (ValueError, KeyError, TypeError):
        return None
    return code if isinstance(code, str) else None


def _problem_with_png(question: Question, body: bytes) -> str | None:
    """A mask or a map has to be a whole PNG of the size of the picture that shows what it showed at rest."""
    picture = question.picture
    if not (body.startswith(_SIGNATURE) and body.endswith(_END)):
        return "no whole PNG"
    width, height = int.from_bytes(body[16:20]), int.from_bytes(body[20:24])
    if (width, height) != (picture.width, picture.height):
        return f"a PNG of {width}x{height} for a picture of {picture.width}x{picture.height}"
    if not question.known:
        return None if _pixels(body) is not None else "no whole PNG"
    pixels, right = _pixels(body), _pixels(question.known[0])
    if pixels is None or right is None or pixels.shape != right.shape:
        return "no whole PNG"
    others = (np.abs(pixels - right).max(axis=2) > _LEVELS[question.endpoint]).sum()
    if others > _OTHER_PIXELS_SHARE * width * height:
        return f"{others} of {width * height} pixels are not what they were at rest"
    if len(question.known) < _MOST_KNOWN:
        question.known.append(body)
    return None


def _pixels(body: bytes) -> "np.ndarray[tuple[int, int, int], np.dtype[np.int16]] | None":
    """int16 (H, W, C); None where it cannot be decoded."""
    try:
        with Image.open(io.BytesIO(body)) as image:
            pixels = np.asarray(image, np.int16)
    except (OSError, UnidentifiedImageError, SyntaxError):
        return None
    return pixels.reshape(pixels.shape[0], pixels.shape[1], -1)
