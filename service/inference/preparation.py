"""From the body of a request to tensors: its pictures read, decoded and brought to what the network takes."""

import time

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.errors import ConvoyError, TooLarge
from service.inference.image import decode_image
from service.inference.preprocess import preprocess
from service.inference.question import Question
from service.inference.segmenter import as_it_is, check_input
from service.repository.artifact import Preprocessing


class Prepared:
    """A question whose pictures are tensors by now."""

    __slots__ = ("pictures", "question", "sizes_px", "tensors")

    def __init__(self, question: Question) -> None:
        self.question = question
        self.tensors: list[NDArray[np.uint8]] = []
        """Per picture, (H, W, C)."""
        self.sizes_px: list[tuple[int, int]] = []
        """Width and height of each picture as sent, upright."""
        self.pictures: list[Image.Image | None] = []
        """The pictures themselves, where the answer is drawn over them."""


def prepare(question: Question) -> Prepared:
    """Read, decode and preprocess; notes the time of these stages with the question.

    Raises:
        ConvoyError: a picture cannot be used; of several, the sentence names its position.
    """
    clock = time.perf_counter
    started = clock()
    images = question.read()
    prepared = Prepared(question)
    decode_s, preprocess_s = clock() - started, 0.0
    kept_pixels = 0
    spec = _spec(question)
    # Masks have the size of their picture: they add up as pictures do that are kept for drawing.
    keeps_pixels = question.keep_picture or question.operation == "segment"
    for position, data in enumerate(images):
        before = clock()
        try:
            picture = decode_image(data, max_pixels=question.max_pixels)
            decoded = clock()
            if question.operation == "segment":
                check_input(picture.size, spec, question.model, tile=question.tile)
            prepared.tensors.append(preprocess(picture, spec, polarity=question.polarity))
        except ConvoyError as error:
            if len(images) == 1:
                raise
            raise type(error)(f"Image {position + 1} of {len(images)} (index {position}): {error}") from None
        decode_s += decoded - before
        preprocess_s += clock() - decoded
        prepared.sizes_px.append(picture.size)
        question.image_pixels.append(picture.width * picture.height)
        prepared.pictures.append(picture if question.keep_picture else None)
        kept_pixels += picture.width * picture.height * keeps_pixels
        if kept_pixels > question.max_pixels:
            raise TooLarge(f"The pictures have more than {question.max_pixels} pixels together; send fewer at once.")
    question.stages["decode"] = decode_s
    question.stages["preprocess"] = preprocess_s
    return prepared


def _spec(question: Question) -> Preprocessing:
    spec = question.model.metadata.preprocessing
    return as_it_is(spec) if question.tile else spec
