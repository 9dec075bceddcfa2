"""Answers classify and cam: the pictures of several requests in one run of the network, then each request's results."""

import logging
import time

import numpy as np
from numpy.typing import NDArray

from service.errors import without_traceback
from service.inference.classifier import Prediction, classify_batch, explain_batch, top_k
from service.inference.heatmap import normalise_map
from service.inference.preparation import Prepared
from service.inference.question import Encoded, Result

log = logging.getLogger("convoy.pipeline")


def answer_by_classifier(items: list[Prepared], max_batch: int) -> list[Encoded | Exception]:
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
    item: Prepared, scores: list[NDArray[np.float32]], maps: list[NDArray[np.float32]], targets: list[int]
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
