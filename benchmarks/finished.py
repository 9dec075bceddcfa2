"""What a finished training and its published file say of a network."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from export.checkpoint import load_facts
from export.classification.evaluation import Evaluation
from export.errors import MissingStage
from export.evaluation_file import read_evaluation
from export.publish import versions_of
from export.run_folder import open_run
from export.segmentation.evaluation import MaskEvaluation
from models import build_model
from models.layer_table import layer_table


@dataclass(frozen=True, kw_only=True)
class Finished:
    """One training, published and evaluated."""

    name: str
    version: int
    folder: Path
    """Of the published version."""
    evaluation: Evaluation | MaskEvaluation
    parameters: int
    """Without classifiers that only training uses."""
    input_px: tuple[int, int]
    """Height and width of the pictures that it was trained on."""
    multiply_adds: int
    """For a picture of that size."""
    epochs: int
    """All that were trained; the weights of the best are published."""
    training_s: float
    command: str
    """The one that repeats it."""


def read_finished(name: str, runs: Path, repository: Path) -> Finished | None:
    """The run `name`; None where its newest version has not been evaluated.

    Raises:
        MissingStage: the training has not finished.
        StageError: a file is damaged.
    """
    run = open_run(runs / name, None, data_dir=None)
    facts = load_facts(run)
    versions = versions_of(repository, name)
    if not versions:
        return None
    newest = max(versions)
    evaluation = read_evaluation(versions[newest])
    if evaluation is None:
        return None
    recipe = facts.recipe
    channels = recipe.preprocessing.channels
    with torch.device("meta"):
        network = build_model(recipe.model, num_classes=len(facts.labels), in_channels=channels, **recipe.options)
    table = layer_table(network, in_channels=channels, input_px=recipe.input_px)
    return Finished(
        name=name,
        version=newest,
        folder=versions[newest],
        evaluation=evaluation,
        parameters=table.parameters,
        input_px=recipe.input_px,
        multiply_adds=table.multiply_adds,
        epochs=len(run.metrics.read_text(encoding="utf-8").splitlines()) - 1,
        training_s=facts.training_s,
        command=facts.command.replace(" export train ", " export run ", 1),
    )


def finished_among(names: Iterable[str], runs: Path, repository: Path) -> list[Finished]:
    """Those of the runs that have been trained, published and evaluated."""
    found = []
    for name in names:
        try:
            found.append(read_finished(name, runs, repository))
        except MissingStage:
            continue
    return [each for each in found if each is not None]
