"""The layout of a model repository on disk: <name>/<version>/model.onnx, versions being integers."""

import re
from dataclasses import dataclass
from pathlib import Path

from service.repository.artifact import MODEL_FILE

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_VERSION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Published:
    """One version folder and the state of its files, so that a changed file is noticed."""

    name: str
    version: int
    path: Path
    fingerprint: tuple[tuple[str, int, int, int], ...]
    """File name, size in bytes, mtime in ns and inode of each file of the model."""


def scan(root: Path) -> dict[tuple[str, int], Published]:
    """Every published version below `root`; hidden folders and other names are not ours.

    A version appears by one rename, so a folder with a number for a name is complete.

    Raises:
        OSError: the root itself cannot be read.
    """
    found = {}
    for model in sorted(root.iterdir()):
        if not NAME.fullmatch(model.name) or not model.is_dir():
            continue
        try:
            folders = [folder for folder in model.iterdir() if _VERSION.fullmatch(folder.name) and folder.is_dir()]
        except OSError:
            continue
        for folder in folders:
            version = int(folder.name)
            found[model.name, version] = Published(
                name=model.name, version=version, path=folder, fingerprint=_fingerprint(folder)
            )
    return found


def _fingerprint(folder: Path) -> tuple[tuple[str, int, int, int], ...]:
    marks = []
    for name in (MODEL_FILE, MODEL_FILE + ".data"):
        try:
            stat = (folder / name).stat()
        except OSError:
            continue
        marks.append((name, stat.st_size, stat.st_mtime_ns, stat.st_ino))
    return tuple(marks)
