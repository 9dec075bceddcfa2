"""Fetches the well-known file of a network's weights, checked by the digits of SHA-256 in its name."""

import hashlib
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from export.atomic import write_whole
from export.data.idx_datasets import base_folder
from export.errors import BadWeights, DataNotFound, UsageError
from export.fetching import CONNECTION_ERRORS, download_bars, pieces, reason
from export.public_weights.known_files import DEFAULTS, PublicFile


class _WrongFile(Exception):
    """What arrived is not the file that its name promises."""


def default_file(model: str, data_dir: Path | None, *, files: Mapping[str, PublicFile] = DEFAULTS) -> Path:
    """The file in the folder `weights` below the data folder, downloaded where it is not there.

    Raises:
        UsageError: the network has no well-known file.
        DataNotFound: it cannot be downloaded; the sentence names the address, and where to put the file.
        BadWeights: a file of that name is there, and is another.
    """
    known = files.get(model)
    if known is None:
        raise UsageError(f"There is no well-known file of weights for {model}; name yours with --weights FILE.")
    path = base_folder(data_dir) / "weights" / known.name
    if path.is_file():
        # Somebody may have put it there, or a disk may have spoiled it; whose it is, is not ours to say.
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if not found.startswith(known.sha256_start):
            raise BadWeights(
                f"{path} is cut off, or another file than its name promises (its SHA-256 begins with "
                f"{found[: len(known.sha256_start)]}): remove it, and it is downloaded again."
            )
        return path
    try:
        with download_bars() as progress:
            arriving = pieces(known.url, progress=progress, title=known.name)
            write_whole(path, partial(_write, arriving, sha256_start=known.sha256_start))
    except (*CONNECTION_ERRORS, _WrongFile) as error:
        raise DataNotFound(
            f"{known.url} could not be downloaded ({reason(error)}): get it elsewhere and put it into {path.parent}, "
            "or name it with --weights FILE."
        ) from None
    return path


def _write(arriving: Iterable[bytes], path: Path, *, sha256_start: str) -> None:
    """Raises _WrongFile, and whatever the connection or the disk raises."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for piece in arriving:
            file.write(piece)
            digest.update(piece)
    if not digest.hexdigest().startswith(sha256_start):
        raise _WrongFile("it is cut off, or another file than its name promises")
