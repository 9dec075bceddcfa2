"""What a lane does with the requests that it takes: prepare each, have the network answer them, encode the answers."""

import logging
from collections.abc import Callable, Sequence

from service.errors import ConvoyError, without_traceback
from service.inference.classifying import answer_by_classifier
from service.inference.preparation import Prepared, prepare
from service.inference.question import Encoded, Question
from service.inference.segmenting import answer_by_segmenter

log = logging.getLogger("convoy.pipeline")


def make_executor(max_batch: int) -> Callable[[Sequence[Question]], Sequence[Encoded | Exception]]:
    """The function that the lanes call; at most `max_batch` pictures go through a network at once."""

    def execute(questions: Sequence[Question]) -> Sequence[Encoded | Exception]:
        answers: list[Encoded | Exception | None] = [None] * len(questions)
        ready: list[tuple[int, Prepared]] = []
        for index, question in enumerate(questions):
            try:
                ready.append((index, prepare(question)))
            except ConvoyError as error:
                answers[index] = without_traceback(error)
            except Exception as error:  # whatever one picture does to a decoder, its neighbours get their answers
                log.exception("preparing a request failed")
                answers[index] = without_traceback(error)
        if ready:
            for (index, item), answer in zip(ready, _answer([item for _, item in ready], max_batch), strict=True):
                answers[index] = answer
                item.pictures.clear()
        return [answer for answer in answers if answer is not None]

    return execute


def _answer(items: list[Prepared], max_batch: int) -> list[Encoded | Exception]:
    """Answer questions of one group."""
    if items[0].question.operation == "segment":
        return [answer_by_segmenter(item) for item in items]
    return answer_by_classifier(items, max_batch)
