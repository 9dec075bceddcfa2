"""What a lane does with a request: read, decode, preprocess, run, postprocess, encode; several requests in one run."""

import logging
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.errors import ConvoyError, TooLarge, without_traceback
from service.inference.classifier import Prediction, classify_batch, explain_batch, top_k
from service.inference.heatmap import normalise_map
from service.inference.image import decode_image
from service.inference.model import LoadedModel
from service.inference.preprocess import PicturePolarity, preprocess

Operation = Literal["classify", "cam"]

log = logging.getLogger("convoy.pipeline")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came out for one picture."""

    predictions: list[Prediction]
    """The best classes, best first; for a map only the class that it explains."""
    top: Prediction
    """The best class, which the metrics count."""
    cam: NDArray[np.float32] | None = None
    """The map in [0, 1] at its own size (h, w); None when classifying."""
    size_px: tuple[int, int] = (0, 0)
    """Width and height of the picture as sent, upright."""
    picture: Image.Image | None = None
    """The picture itself, where the answer is drawn over it."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """An answer ready to be sent."""

    body: bytes
    media_type: str
    headers: list[tuple[bytes, bytes]]
    tops: list[Prediction]
    """The best class of each picture."""


@dataclass(slots=True, kw_only=True)
class Question:
    """One request to a lane."""

    operation: Operation
    model: LoadedModel
    read: Callable[[], Sequence[bytes]]
    """Gives the pictures of the body; it runs in the lane because a large body takes long to parse."""
    encode: Callable[[LoadedModel, list[Result]], Encoded]
    max_pixels: int
    polarity: PicturePolarity = None
    top_k: int = 1
    target: int = -1
    keep_picture: bool = False
    large: bool = False
    """Whether the body is so large that decoding may take far longer than the network does."""
    stages: dict[str, float] = field(default_factory=dict)
    run_sizes: list[int] = field(default_factory=list)
    """Pictures in each run of the network; stands with the first question of a run that answered several."""

    @property
    def group(self) -> Hashable:
        """Requests of one operation on one loaded file; what large pictures cost says nothing of small ones."""
        return self.operation, self.model.digest, self.large

    @property
    def batchable(self) -> bool:
        """Pictures that are kept for drawing would add up, and nobody should wait for a neighbour's large one."""
        return not (self.keep_picture or self.large)


class _Ready:
    """A question whose pictures are tensors by now."""

    __slots__ = ("pictures", "question", "sizes_px", "tensors")

    def __init__(self, question: Question) -> None:
        self.question = question
        self.tensors: list[NDArray[np.uint8]] = []
        self.sizes_px: list[tuple[int, int]] = []
        self.pictures: list[Image.Image | None] = []


def make_executor(max_batch: int) -> Callable[[Sequence[Question]], Sequence[Encoded | Exception]]:
    """The function that the lanes call; at most `max_batch` pictures go through a network at once."""

    def execute(questions: Sequence[Question]) -> Sequence[Encoded | Exception]:
        answers: list[Encoded | Exception | None] = [None] * len(questions)
        ready: list[tuple[int, _Ready]] = []
        for index, question in enumerate(questions):
            try:
                ready.append((index, _prepare(question)))
            except ConvoyError as error:
                answers[index] = without_traceback(error)
            except Exception as error:  # whatever one picture does to a decoder, its neighbours get their answers
                log.exception("preparing a request failed")
                answers[index] = without_traceback(error)
        if ready:
            for (index, item), answer in zip(ready, _run([item for _, item in ready], max_batch), strict=True):
                answers[index] = answer
                item.pictures.clear()
        return [answer for answer in answers if answer is not None]

    return execute


def _prepare(question: Question) -> _Ready:
    clock = time.perf_counter
    started = clock()
    images = question.read()
    ready = _Ready(question)
    decode_s, preprocess_s = clock() - started, 0.0
    kept_pixels = 0
    spec = question.model.metadata.preprocessing
    for position, data in enumerate(images):
        before = clock()
        try:
            picture = decode_image(data, max_pixels=question.max_pixels)
            decoded = clock()
            ready.tensors.append(preprocess(picture, spec, polarity=question.polarity))
        except ConvoyError as error:
            if len(images) == 1:
                raise
            raise type(error)(f"Image {position + 1} of {len(images)} (index {position}): {error}") from None
        decode_s += decoded - before
        preprocess_s += clock() - decoded
        ready.sizes_px.append(picture.size)
        ready.pictures.append(picture if question.keep_picture else None)
        kept_pixels += picture.width * picture.height * question.keep_picture
        if kept_pixels > question.max_pixels:
            raise TooLarge(f"The pictures have more than {question.max_pixels} pixels together; send fewer at once.")
    question.stages["decode"] = decode_s
    question.stages["preprocess"] = preprocess_s
    return ready


def _run(items: list[_Ready], max_batch: int) -> list[Encoded | Exception]:
    """Put the tensors of all items through the network in as few runs as allowed, then answer each item."""
    clock = time.perf_counter
    model, operation = items[0].question.model, items[0].question.operation
    started = clock()
    tensors = [tensor for item in items for tensor in item.tensors]
    chosen = np.array([item.question.target for item in items for _ in item.tensors], dtype=np.int64)
    scores: list[NDArray[np.float32]] = []
    maps: list[NDArray[np.float32]] = []
    targets: list[int] = []
    for start in range(0, len(tensors), max_batch):
        batch = np.stack(tensors[start : start + max_batch])
        items[0].question.run_sizes.append(len(batch))
        if operation == "classify":
            scores.extend(classify_batch(model, batch))
        else:
            some_scores, some_maps, some_targets = explain_batch(model, batch, chosen[start : start + max_batch])
            scores.extend(some_scores)
            maps.extend(some_maps)
            targets.extend(some_targets.tolist())
    inference_s = clock() - started
    answers: list[Encoded | Exception] = []
    place = 0
    for item in items:
        item.question.stages["inference"] = inference_s
        span = slice(place, place + len(item.tensors))
        place = span.stop
        try:
            answers.append(_answer(item, scores[span], maps[span], targets[span]))
        except Exception as error:
            log.exception("encoding an answer failed")
            answers.append(without_traceback(error))
    return answers


def _answer(
    item: _Ready, scores: list[NDArray[np.float32]], maps: list[NDArray[np.float32]], targets: list[int]
) -> Encoded:
    clock = time.perf_counter
    question = item.question
    labels = question.model.metadata.labels
    started = clock()
    results = []
    for position, score in enumerate(scores):
        predictions = top_k(score, labels, question.top_k)
        if question.operation == "classify":
            results.append(Result(predictions=predictions, top=predictions[0]))
            continue
        target = targets[position]
        results.append(
            Result(
                predictions=[Prediction(target, labels[target], float(score[target]))],
                top=predictions[0],
                cam=normalise_map(maps[position]),
                size_px=item.sizes_px[position],
                picture=item.pictures[position],
            )
        )
    postprocessed = clock()
    encoded = question.encode(question.model, results)
    question.stages["postprocess"] = postprocessed - started
    question.stages["encode"] = clock() - postprocessed
    return encoded
