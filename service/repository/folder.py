"""The layout of a model repository on disk: <name>/<version>/model.onnx, versions being integers."""

import re
from dataclasses import dataclass
from pathlib import Path

from service.repository.artifact import MODEL_FILE

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
VERSION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Published:
    """One version folder and the state of its files, so that a changed file is noticed."""

    name: str
    version: int
    path: Path
    fingerprint: tuple[tuple[str, int, int, int], ...]
    """File name, size in bytes, ctime in ns and inode of each file of the model. The ctime follows every change of
    the content, and of the permissions too, so that a file is tried again once it may be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """What a look at the repository found."""

    published: dict[tuple[str, int], Published]
    unreadable: dict[str, str]
    """Models whose folder is there but cannot be read now, and why."""


def scan(root: Path) -> Scan:
    """Every published version below `root`; hidden folders and other names are not ours.

    A version appears by one rename, so a folder with a number for a name is complete.

    Raises:
        OSError: the root itself cannot be read.
    """
    published: dict[tuple[str, int], Published] = {}
    unreadable: dict[str, str] = {}
    for model in sorted(root.iterdir()):
        if not NAME.fullmatch(model.name):
            continue
        try:
            if not model.is_dir():
                continue
            for folder in model.iterdir():
                if VERSION.fullmatch(folder.name) and folder.is_dir():
                    version = int(folder.name)
                    published[model.name, version] = Published(
                        name=model.name, version=version, path=folder, fingerprint=_fingerprint(folder)
                    )
        except FileNotFoundError:
            continue  # removed while we looked
        except OSError as error:
            unreadable[model.name] = error.strerror or str(error)
    return Scan(published=published, unreadable=unreadable)


def _fingerprint(folder: Path) -> tuple[tuple[str, int, int, int], ...]:
    marks = []
    for name in (MODEL_FILE, MODEL_FILE + ".data"):
        try:
            stat = (folder / name).stat()
        except OSError:
            continue
        marks.append((name, stat.st_size, stat.st_ctime_ns, stat.st_ino))
    return tuple(marks)
