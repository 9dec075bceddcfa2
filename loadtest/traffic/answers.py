"""What is right about an answer: its classes or its picture, compared with what the service answers at rest."""

import io
import json
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from loadtest.traffic.pictures import Picture
from loadtest.traffic.predictions import Predictions, difference, predictions_in

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
    predictions: Predictions | None = None
    """The right answer; None where that is a picture, or not known yet."""
    known: list[bytes] = field(default_factory=list)
    """PNG that are the right answer, the one at rest first; empty where it is no picture, or not known yet."""


def answered(question: Question, body: bytes) -> Question:
    """The question with the body that it got at rest, in which nothing was wrong, as its right answer."""
    if question.endpoint == "classify":
        return Question(question.endpoint, question.path, question.picture, predictions=predictions_in(body))
    return Question(question.endpoint, question.path, question.picture, known=[body])


def problem_with(question: Question, body: bytes) -> str | None:
    """What is wrong with the body of an answer of status 200, in a few words; None if nothing is."""
    try:
        if question.endpoint == "classify":
            return _problem_with_predictions(question, body)
        return None if body in question.known else _problem_with_png(question, body)
    except Exception as error:  # nobody knows all that parsers raise, and what they cannot read is no right answer
        return f"an answer that cannot be read ({type(error).__name__})"


def code_in(body: bytes) -> str | None:
    """The service's own word for its error; None where the body has none."""
    try:
        code = json.loads(body)["code"]
    except Exception:  # as in problem_with
        return None
    return code if isinstance(code, str) else None


def _problem_with_predictions(question: Question, body: bytes) -> str | None:
    found = predictions_in(body)
    if found is None:
        return "no list of predictions that is ordered by score"
    return difference(found, question.predictions) if question.predictions is not None else None


def _problem_with_png(question: Question, body: bytes) -> str | None:
    """A mask or a map has to be a whole PNG of the size of the picture that shows what it showed at rest."""
    picture = question.picture
    if not (body.startswith(_SIGNATURE) and body.endswith(_END)):
        return "no whole PNG"
    width, height = int.from_bytes(body[16:20]), int.from_bytes(body[20:24])
    if (width, height) != (picture.width, picture.height):
        return f"a PNG of {width}x{height} for a picture of {picture.width}x{picture.height}"
    mode, pixels = _pixels(body)
    if not question.known:
        return None
    mode_at_rest, right = _pixels(question.known[0])
    if mode != mode_at_rest:
        return f"a PNG of mode {mode} instead of {mode_at_rest}"
    others = (np.abs(pixels - right).max(axis=2) > _LEVELS[question.endpoint]).sum()
    if others > _OTHER_PIXELS_SHARE * width * height:
        return f"{others} of {width * height} pixels are not what they were at rest"
    if len(question.known) < _MOST_KNOWN:
        question.known.append(body)
    return None


def _pixels(body: bytes) -> "tuple[str, np.ndarray[tuple[int, int, int], np.dtype[np.int32]]]":
    """Pillow's name of the kind of pixels, and int32 (H, W, C)."""
    with Image.open(io.BytesIO(body)) as image:
        pixels = np.asarray(image, np.int32)
        return image.mode, pixels.reshape(pixels.shape[0], pixels.shape[1], -1)
