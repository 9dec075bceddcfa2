"""What the stages do for segmenters: data, learner, mean IoU, the evaluation on test files, the sheet of masks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812

from export.data.dataset import DataSource
from export.data.masked import MaskedArrays, MaskedPictures
from export.data.masked_loading import load_masked_test, load_masked_training, load_masked_validation
from export.errors import BadData
from export.recipes.recipe import IGNORED, Recipe, SegmentationRecipe
from export.run_folder import RunFolder
from export.segmentation.evaluation import MaskEvaluation
from export.segmentation.learner import SegmenterLearner
from export.segmentation.losses import balanced_weights
from export.segmentation.scores import confusion, mean_iou, pixel_accuracy
from export.segmentation.serving_path import score_masks
from export.segmentation.sheet import draw_masks
from export.segmentation.windows import WindowBatches
from export.serving_graph import ExportedGraph
from export.training.batches import TrainingData, training_loader, validation_loader
from export.verification import Quality
from models.network import Network
from models.segmenter import Segmenter
from service.inference.model import LoadedModel
from service.inference.preprocess import preprocess
from service.repository.artifact import Baseline, Measurement, Metadata

_VALIDATION_BATCH = 32


def training_data(recipe: Recipe, source: DataSource) -> TrainingData:
    """See export.tasks."""
    assert isinstance(recipe, SegmentationRecipe)
    dataset = load_masked_training(recipe, source)
    if recipe.ignore_index != IGNORED and recipe.ignore_index >= len(dataset.labels):
        raise BadData(f"There is no class {recipe.ignore_index} to ignore, the data has {len(dataset.labels)} classes.")
    if len(dataset.labels) == 2 and recipe.ignore_index != IGNORED:
        raise BadData(f"Without class {recipe.ignore_index} one of two is left: there is nothing to tell apart.")
    train = WindowBatches(dataset.train, edge_px=recipe.window_px, where="anywhere")
    validation = WindowBatches(dataset.validation, edge_px=recipe.window_px, where="middle")
    return TrainingData(
        dataset=dataset.name,
        labels=dataset.labels,
        images=len(train) // recipe.epochs_per_pass,
        batches=training_loader(train, batch_size=recipe.batch_size, seed=recipe.seed, parts=recipe.epochs_per_pass),
        validation=validation_loader(validation, batch_size=_VALIDATION_BATCH),
        class_weights=_class_weights(recipe, dataset.train, len(dataset.labels)),
    )


def learner(network: Network, recipe: Recipe, data: TrainingData) -> SegmenterLearner:
    """See export.tasks."""
    assert isinstance(network, Segmenter)
    assert isinstance(recipe, SegmentationRecipe)
    return SegmenterLearner(network, recipe, num_classes=len(data.labels), class_weights=data.class_weights)


def measure(
    model: LoadedModel, graph: ExportedGraph, recipe: Recipe, source: DataSource
) -> tuple[NDArray[np.uint8] | None, Quality]:
    """See export.tasks."""
    assert isinstance(recipe, SegmentationRecipe)
    pictures = load_masked_validation(recipe, source)
    _check_labels(pictures, model.metadata)
    matrix, answered = score_masks(model, pictures)
    score = mean_iou(matrix, ignored=recipe.ignore_index)
    facts = {"dataset": pictures.dataset, "split": "validation", "images": len(pictures)}
    return None, Quality(
        score=Measurement.model_validate({"name": "mean IoU", "value": score, **facts}),
        torch_score=mean_iou(_torch_confusion(graph, pictures, recipe), ignored=recipe.ignore_index),
        others=(Measurement.model_validate({"name": "pixel accuracy", "value": pixel_accuracy(matrix), **facts}),),
        baseline=Baseline(
            images=len(pictures),
            class_shares=tuple((answered / answered.sum()).tolist()),
            confidence_shares=None,
        ),
    )


def evaluate(model: LoadedModel, run: RunFolder, *, sha256: str) -> MaskEvaluation:
    """See export.tasks."""
    recipe = _test_recipe(model, run)
    pictures = _test_pictures(model, recipe, run.source)
    matrix, _ = score_masks(model, pictures)
    return MaskEvaluation.of(
        matrix,
        labels=pictures.labels,
        ignored=recipe.ignore_index,
        images=len(pictures),
        sha256=sha256,
        dataset=pictures.dataset,
    )


def draw_sheet(model: LoadedModel, run: RunFolder, file: Path) -> None:
    """See export.tasks."""
    draw_masks(model, _test_pictures(model, _test_recipe(model, run), run.source), file)


def _class_weights(recipe: SegmentationRecipe, train: MaskedArrays, classes: int) -> tuple[float, ...] | None:
    """Raises BadData where the recipe has weights for another number of classes."""
    weights = recipe.class_weights
    if weights == "even":
        return None
    if weights == "balanced":
        counts = np.zeros(256, np.int64)
        for mask in train.masks:
            counts += np.bincount(mask.ravel(), minlength=256)
        return balanced_weights(counts[:classes])
    if len(weights) != classes:
        raise BadData(f"The recipe has {len(weights)} class weights, the data has {classes} classes.")
    return weights


def _test_recipe(model: LoadedModel, run: RunFolder) -> SegmentationRecipe:
    """What says which test files a published model has; its training need not be here, nor be by one of our recipes."""
    own = run.source.pictures_dir
    assert isinstance(run.recipe, SegmentationRecipe)
    noted = model.metadata.recipe
    return replace(
        run.recipe,
        dataset=own.name if own else model.metadata.dataset,
        # They say which pictures were held out where a user's folder has no test files of its own, and what counts.
        seed=noted.get("seed", run.recipe.seed),
        ignore_index=noted.get("ignore_index", run.recipe.ignore_index),
    )


def _test_pictures(model: LoadedModel, recipe: SegmentationRecipe, source: DataSource) -> MaskedPictures:
    pictures = load_masked_test(recipe, source)
    _check_labels(pictures, model.metadata)
    return pictures


def _check_labels(pictures: MaskedPictures, metadata: Metadata) -> None:
    if pictures.labels != metadata.labels:
        raise BadData(f"The {pictures.split} files of {pictures.dataset} do not have the classes of the model.")


def _torch_confusion(graph: ExportedGraph, pictures: MaskedPictures, recipe: SegmentationRecipe) -> NDArray[np.int64]:
    """The confusion matrix of the network in torch, with torch's own resizing."""
    classes = len(pictures.labels)
    matrix = np.zeros((classes, classes), np.int64)
    with torch.inference_mode():
        for picture, truth in pictures:
            pixels = preprocess(picture, recipe.preprocessing)
            logits = graph(torch.from_numpy(pixels[np.newaxis].copy()))
            if logits.shape[2:] != truth.shape:
                logits = F.interpolate(logits, size=truth.shape, mode="bilinear", antialias=True)
            answers = logits.argmax(dim=1)[0].to(torch.uint8).numpy()
            matrix += confusion(answers, truth, classes=classes)
    return matrix
