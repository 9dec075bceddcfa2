"""The files of one artifact in a folder: the graph and, above a size, its weights beside it."""

import hashlib
from pathlib import Path

from service.repository.artifact import MODEL_FILE

DATA_FILE = MODEL_FILE + ".data"


def artifact_files(folder: Path) -> list[Path]:
    """The files that are there, the graph first."""
    return [folder / name for name in (MODEL_FILE, DATA_FILE) if (folder / name).is_file()]


def digest(folder: Path) -> str:
    """SHA-256 over the files in that order, as `cat model.onnx model.onnx.data | sha256sum` gives it."""
    sha256 = hashlib.sha256()
    for file in artifact_files(folder):
        with file.open("rb") as stream:
            while block := stream.read(2**20):
                sha256.update(block)
    return sha256.hexdigest()
