"""From the body of a request to tensors: its pictures read, decoded and brought to what the network takes."""

import time

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.errors import ConvoyError, TooLarge
from service.inference.image import decode_image, size_of
from service.inference.preprocess import preprocess
from service.inference.question import Question
from service.inference.segmenter import as_it_is, check_input, tile_edge_px
from service.inference.tiles import pixels_seen
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


def measure(question: Question) -> None:
    """Note how much work the pictures are for a question in tiles, by their headers.

    Raises:
        ConvoyError: as `prepare`.
    """
    edge_px = tile_edge_px(question.model)
    images = question.read()
    question.amount = 0
    for position, data in enumerate(images):
        try:
            size_px = size_of(data, max_pixels=question.max_pixels)
        except ConvoyError as error:
            raise _named(error, position, len(images)) from None
        question.amount += pixels_seen(size_px, tile_px=edge_px)


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
            raise _named(error, position, len(images)) from None
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


def _named(error: ConvoyError, position: int, count: int) -> ConvoyError:
    """The error, with the position of its picture where there are several."""
    return error if count == 1 else type(error)(f"Image {position + 1} of {count} (index {position}): {error}")


def _spec(question: Question) -> Preprocessing:
    spec = question.model.metadata.preprocessing
    return as_it_is(spec) if question.tile else spec
