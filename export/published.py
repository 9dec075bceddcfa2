"""Opens a published version as the service does."""

from pathlib import Path

from export.errors import BadData, MissingStage
from export.publish import versions_of
from export.run_folder import RunFolder
from service.inference.model import LoadedModel, load_model
from service.repository.artifact import InvalidArtifact


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
