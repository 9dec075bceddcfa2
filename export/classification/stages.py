"""What the stages do for classifiers: data, learner, accuracy, the evaluation on test files, the sheet of maps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from export.classification.evaluation import Evaluation
from export.classification.learner import ClassifierLearner
from export.classification.serving_path import score_pictures
from export.classification.sheet import draw_maps
from export.data.dataset import DataSource, Pictures
from export.data.loading import check_own_test, load_test, load_training
from export.errors import BadData
from export.recipes.recipe import ClassificationRecipe, Recipe
from export.run_folder import RunFolder
from export.serving_graph import ExportedGraph
from export.training.batches import ArrayBatches, TrainingData, training_loader, validation_loader
from export.verification import Quality
from models.classifier import Classifier
from models.network import Network
from service.inference.model import LoadedModel
from service.repository.artifact import CONFIDENCE_EDGES, Baseline, Measurement

# Validation keeps no activations for a backward pass: a larger batch costs no memory and saves time.
_VALIDATION_BATCH = 512
_BATCH = 256


def training_data(recipe: Recipe, source: DataSource) -> TrainingData:
    """See export.tasks."""
    dataset = load_training(recipe, source)
    check_own_test(recipe, source)
    train = ArrayBatches(dataset.train.images, dataset.train.targets)
    validation = ArrayBatches(dataset.validation.images, dataset.validation.targets)
    return TrainingData(
        dataset=dataset.name,
        labels=dataset.labels,
        images=len(train),
        batches=training_loader(train, batch_size=recipe.batch_size, seed=recipe.seed),
        validation=validation_loader(validation, batch_size=_VALIDATION_BATCH),
    )


def learner(network: Network, recipe: Recipe, data: TrainingData) -> ClassifierLearner:
    """See export.tasks."""
    assert isinstance(network, Classifier)
    assert isinstance(recipe, ClassificationRecipe)
    return ClassifierLearner(network, recipe, num_classes=len(data.labels))


def measure(
    model: LoadedModel, graph: ExportedGraph, recipe: Recipe, source: DataSource
) -> tuple[NDArray[np.uint8] | None, Quality]:
    """See export.tasks."""
    dataset = load_training(recipe, source)
    images, targets = dataset.validation.images, dataset.validation.targets
    if dataset.labels != model.metadata.labels:
        raise BadData(f"{dataset.name} does not have the classes that {model.name} was trained on.")
    scores = score_pictures(model, dataset.validation_pictures)
    accuracy = Measurement(
        name="accuracy",
        value=float(np.mean(scores.argmax(axis=1) == targets)),
        dataset=dataset.name,
        split="validation",
        images=len(targets),
    )
    return images, Quality(
        score=accuracy,
        torch_score=float(np.mean(_torch_answers(graph, images) == targets)),
        baseline=baseline_of(scores),
    )


def evaluate(model: LoadedModel, run: RunFolder, *, sha256: str) -> Evaluation:
    """See export.tasks."""
    pictures = _test_pictures(model, run)
    scores = score_pictures(model, pictures)
    return Evaluation.of(
        answers=scores.argmax(axis=1).astype(np.int64),
        targets=pictures.targets,
        labels=pictures.labels,
        sha256=sha256,
        dataset=pictures.dataset,
    )


def draw_sheet(model: LoadedModel, run: RunFolder, file: Path) -> None:
    """See export.tasks."""
    draw_maps(model, _test_pictures(model, run), file)


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


def _test_pictures(model: LoadedModel, run: RunFolder) -> Pictures:
    """The test files for a published model; its training need not be here, nor be one of this release's recipes."""
    own = run.source.pictures_dir
    # The seed says which pictures were held out where a user's folder has no test files of its own.
    seed = model.metadata.recipe.get("seed", run.recipe.seed)
    recipe = replace(run.recipe, dataset=own.name if own else model.metadata.dataset, seed=seed)
    pictures = load_test(recipe, run.source)
    if pictures.labels != model.metadata.labels:
        raise BadData(f"The test files of {pictures.dataset} do not have the classes of {model.name}.")
    return pictures


def _torch_answers(graph: ExportedGraph, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Top-1 classes int64 (N,) of images uint8 (N, H, W, C) in torch."""
    answers = []
    with torch.inference_mode():
        for start in range(0, len(images), _BATCH):
            batch = torch.from_numpy(images[start : start + _BATCH])
            logits, _ = graph(batch, torch.full((len(batch),), -1))
            answers.append(logits.argmax(dim=1).numpy())
    return np.concatenate(answers)
