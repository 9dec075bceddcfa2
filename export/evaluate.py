"""The evaluate stage: a published version measured on the test files, which nothing else reads."""

from pathlib import Path

from export.artifact_files import digest
from export.atomic import write_whole
from export.card import render_card
from export.classification.evaluation import Evaluation
from export.evaluation_file import EVALUATION_FILE
from export.published import open_version
from export.run_folder import RunFolder
from export.segmentation.evaluation import MaskEvaluation
from export.tasks import stages_of
from service.repository.artifact import CARD_FILE


def evaluate(run: RunFolder, repository: Path, *, version: int | None = None) -> Evaluation | MaskEvaluation:
    """Measure a version, the newest where none is named; writes its evaluation.json and its card.

    Raises:
        MissingStage: the model or the version is not published.
        DataNotFound: the test files are nowhere, and cannot be downloaded.
        BadData: a file is damaged, or the classes are not those of the model.
    """
    model, folder = open_version(run, repository, version)
    evaluation = stages_of(model.metadata.task).evaluate(model, run, sha256=digest(folder))
    text = evaluation.model_dump_json(indent=2) + "\n"
    write_whole(folder / EVALUATION_FILE, lambda path: path.write_text(text, encoding="utf-8"))
    card = render_card(folder, run.name)
    write_whole(folder / CARD_FILE, lambda path: path.write_text(card, encoding="utf-8"))
    return evaluation
