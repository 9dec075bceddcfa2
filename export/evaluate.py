"""The evaluate stage: a published version measured on the test files, which nothing else reads."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from export.artifact_files import digest
from export.atomic import write_whole
from export.card import render_card
from export.classification.evaluation import EVALUATION_FILE, Evaluation
from export.classification.serving_path import score_pictures
from export.data.dataset import Pictures
from export.data.loading import load_test
from export.errors import BadData, MissingStage
from export.publish import versions_of
from export.run_folder import RunFolder
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
    pictures = read_test_pictures(model, run)
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


def read_test_pictures(model: LoadedModel, run: RunFolder) -> Pictures:
    """The test files for a published model; its training need not be here, nor be one of this release's recipes.

    Raises:
        DataNotFound: the files are nowhere, and cannot be downloaded.
        BadData: a file is damaged, or the classes are not those of the model.
    """
    own = run.source.pictures_dir
    # The seed says which pictures were held out where a user's folder has no test files of its own.
    seed = model.metadata.recipe.get("seed", run.recipe.seed)
    recipe = replace(run.recipe, dataset=own.name if own else model.metadata.dataset, seed=seed)
    pictures = load_test(recipe, run.source)
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
