"""The verify stage: does the file answer what the network answers, and is the network good enough?"""

import numpy as np
import torch
from numpy.typing import NDArray

from export.artifact_files import digest
from export.atomic import write_whole
from export.blueprint import Blueprint
from export.classification.serving_path import score_pictures
from export.data.loading import load_training
from export.errors import BadData, VerificationFailed
from export.onnx_graph import load_graph
from export.parity import compare
from export.run_folder import RunFolder
from export.serving_graph import ServingGraph
from export.verification import Quality, Verification, shortfall
from service.inference.model import load_model
from service.repository.artifact import CONFIDENCE_EDGES, Baseline, InvalidArtifact, Measurement

_BATCH = 256


def verify(run: RunFolder) -> Verification:
    """Measure the run's model.onnx through the serving path and write verification.json, good or bad.

    Raises:
        MissingStage: the training has not finished, or nothing was exported.
        BadData: a file of the run or of the dataset is damaged.
        VerificationFailed: the file cannot be served, or falls short; the sentence says where.
    """
    run.need(run.graph, "onnx")
    sha256 = digest(run.path)
    try:
        model = load_model(run.path, name=run.name, version=0, provider="cpu", intra_op_threads=1)
    except InvalidArtifact as error:
        raise VerificationFailed(f"{run.graph} cannot be served: {error}") from None
    cam = model.metadata.cam
    graph, facts = load_graph(run, "hirescam" if cam and cam.method == "hirescam" else "own")
    dataset = load_training(facts.recipe, run.source)
    images, targets = dataset.validation.images, dataset.validation.targets
    if dataset.labels != model.metadata.labels:
        raise BadData(f"{dataset.name} does not have the classes that {run.name} was trained on.")
    scores = score_pictures(model, dataset.validation_pictures)
    verification = Verification(
        sha256=sha256,
        parity=tuple(
            compare(
                graph,
                model.session,
                image_shape=Blueprint.of_checkpoint(facts).image_shape,
                num_classes=len(dataset.labels),
                images=images,
            )
        ),
        quality=Quality(
            accuracy=Measurement(
                name="accuracy",
                value=float(np.mean(scores.argmax(axis=1) == targets)),
                dataset=dataset.name,
                split="validation",
                images=len(targets),
            ),
            torch_accuracy=float(np.mean(_torch_answers(graph, images) == targets)),
            baseline=baseline_of(scores),
        ),
    )
    text = verification.model_dump_json(indent=2) + "\n"
    write_whole(run.verification, lambda path: path.write_text(text, encoding="utf-8"))
    if complaint := shortfall(verification, minimum_accuracy=run.recipe.minimum_accuracy):
        raise VerificationFailed(complaint)
    return verification


def baseline_of(scores: NDArray[np.float32]) -> Baseline:
    """Shares of answers per class and of top scores per bin (previous edge, edge], from scores (N, classes)."""
    count, classes = scores.shape
    # Rounding lifts a score above 1 by a bit now and then.
    confidences = np.minimum(scores.max(axis=1).astype(np.float64), 1.0)
    bins = np.searchsorted(CONFIDENCE_EDGES, confidences, side="left")
    return Baseline(
        images=count,
        class_shares=tuple(np.bincount(scores.argmax(axis=1), minlength=classes) / count),
        confidence_shares=tuple(np.bincount(bins, minlength=len(CONFIDENCE_EDGES)) / count),
    )


def _torch_answers(graph: ServingGraph, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Top-1 classes int64 (N,) of images uint8 (N, H, W, C) in torch."""
    answers = []
    with torch.inference_mode():
        for start in range(0, len(images), _BATCH):
            batch = torch.from_numpy(images[start : start + _BATCH])
            logits, _ = graph(batch, torch.full((len(batch),), -1))
            answers.append(logits.argmax(dim=1).numpy())
    return np.concatenate(answers)
