"""The sheet stage: test pictures beside what a published version makes of them, on one page."""

from pathlib import Path

from export.published import open_version
from export.run_folder import RunFolder
from export.tasks import stages_of


def draw_sheet(run: RunFolder, repository: Path, file: Path, *, version: int | None = None) -> None:
    """Draw maps of a classifier or masks of a segmenter; writes a PNG.

    Raises:
        MissingStage: the model or the version is not published.
        DataNotFound, BadData: the test files are missing or damaged.
    """
    model, _ = open_version(run, repository, version)
    stages_of(model.metadata.task).draw_sheet(model, run, file)
