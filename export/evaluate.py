"""The evaluate stage: a published version measured on the test files, which nothing else reads."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from export.artifact_files import digest
from export.atomic import write_whole
from export.card import render_card
from export.data.dataset import DataSource, Pictures
from export.data.loading import load_test
from export.errors import BadData, MissingStage
from export.evaluation import EVALUATION_FILE, Evaluation
from export.publish import versions_of
from export.recipes.recipe import Recipe
from export.run_folder import RunFolder
from export.serving_path import score_pictures
from service.inference.model import LoadedModel, load_model
from service.repository.artifact import CARD_FILE, InvalidArtifact


def evaluate(run: RunFolder, repository: Path, *, version: int | None = None) -> Evaluation:
    """Measure a version, the newest where none is named; writes its evaluation.json and its card.

    Raises:
        MissingStage: the model or the version is not published.
        DataNotFound: the test files are nowhere, and cannot be downloaded.
        BadData: a file is damaged, or the classes are not those of the model.
    """
    model, folder = open_version(run, repository, version)
    pictures = read_test_pictures(model, run.source)
    scores = score_pictures(model, pictures)
    evaluation = Evaluation.of(
        answers=scores.argmax(axis=1).astype(np.int64),
        targets=pictures.targets,
        labels=pictures.labels,
        sha256=digest(folder),
        dataset=pictures.dataset,
    )
    text = evaluation.model_dump_json(indent=2) + "\n"
    write_whole(folder / EVALUATION_FILE, lambda path: path.write_text(text, encoding="utf-8"))
    card = render_card(folder, run.name)
    write_whole(folder / CARD_FILE, lambda path: path.write_text(card, encoding="utf-8"))
    return evaluation


def read_test_pictures(model: LoadedModel, source: DataSource) -> Pictures:
    """The test files for a published model, by the recipe that it carries; its training need not be here.

    Raises:
        DataNotFound: the files are nowhere, and cannot be downloaded.
        BadData: a file is damaged, or the classes are not those of the model.
    """
    try:
        recipe = Recipe.from_dict(model.metadata.recipe)
    except ValueError as error:
        raise BadData(f"Version {model.version} of {model.name} carries no recipe: {error}.") from None
    if source.pictures_dir is not None:
        recipe = replace(recipe, dataset=source.pictures_dir.name)
    pictures = load_test(recipe, source)
    if pictures.labels != model.metadata.labels:
        raise BadData(f"The test files of {pictures.dataset} do not have the classes of {model.name}.")
    return pictures


def open_version(run: RunFolder, repository: Path, version: int | None) -> tuple[LoadedModel, Path]:
    """A published version of the run's model, the newest where none is named, and its folder.

    Raises:
        MissingStage: the model or the version is not published.
        BadData: the version cannot be served.
    """
    versions = versions_of(repository, run.name)
    if not versions:
        raise MissingStage(f"{repository} holds no {run.name}; run {run.command('publish')!r} first.")
    number = max(versions) if version is None else version
    if number not in versions:
        raise MissingStage(f"{run.name} has no version {number}; there are {', '.join(map(str, versions))}.")
    folder = versions[number]
    try:
        model = load_model(folder, name=run.name, version=number, provider="cpu", intra_op_threads=1)
    except InvalidArtifact as error:
        raise BadData(f"{folder} cannot be served: {error}") from None
    return model, folder
