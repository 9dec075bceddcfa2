"""Answers segment: picture by picture through the network, to the classes of its pixels, to the encoded answer."""

import logging
import time

import numpy as np
from numpy.typing import NDArray

from service.errors import ConvoyError, without_traceback
from service.inference.masks.shares import class_pixels
from service.inference.preparation import Prepared
from service.inference.question import Encoded, Question, SegmentResult
from service.inference.segmenter import classes_in_tiles, classes_of, logits_of

log = logging.getLogger("convoy.pipeline")


def answer_by_segmenter(item: Prepared) -> Encoded | Exception:
    """Have the network see each picture of a question, and encode what came out."""
    try:
        return _answer(item)
    except ConvoyError as error:
        return without_traceback(error)
    except Exception as error:
        log.exception("segmenting or encoding an answer failed")
        return without_traceback(error)


def _answer(item: Prepared) -> Encoded:
    clock = time.perf_counter
    question, model = item.question, item.question.model
    classes = len(model.metadata.labels)
    started = clock()
    network = _Timed(question)
    results = []
    for position, tensor in enumerate(item.tensors):
        if question.tile:
            segmented = classes_in_tiles(network.run, tensor, model, confidence=question.confidence)
        else:
            segmented = classes_of(
                network.run(tensor),
                item.sizes_px[position],
                confidence=question.confidence,
                check=question.check_awaited,
            )
        # Nobody else needs it, and several large ones add up.
        item.tensors[position] = tensor[:0]
        results.append(
            SegmentResult(
                mask=segmented.mask,
                pixels=class_pixels(segmented.mask, classes),
                confidence=segmented.confidence,
                picture=item.pictures[position],
            )
        )
    segmented_at = clock()
    question.stages["inference"] = network.spent_s
    question.stages["postprocess"] = segmented_at - started - network.spent_s
    encoded = question.encode(model, results)
    question.stages["encode"] = clock() - segmented_at
    return encoded


class _Timed:
    """The network, with the time that its runs have taken."""

    def __init__(self, question: Question) -> None:
        self.spent_s = 0.0
        self._question = question

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (classes, H, W) of pixels (H, W, C).

        Raises:
            DeadlineExceeded: nobody waits for the answer any more.
        """
        self._question.check_awaited()
        started = time.perf_counter()
        logits = logits_of(self._question.model, pixels)
        self.spent_s += time.perf_counter() - started
        self._question.run_sizes.append(1)
        return logits
