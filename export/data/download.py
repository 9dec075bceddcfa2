"""Fetches the files of a public dataset from its mirrors, checked while they arrive, each by one rename."""

import hashlib
import zlib
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from rich.progress import Progress

from export.atomic import write_whole
from export.data.idx_datasets import PART_FILES, FileFacts, IdxDataset, Part, base_folder
from export.errors import DataNotFound
from export.fetching import CONNECTION_ERRORS, download_bars, pieces, reason

_GZIP = 16 + zlib.MAX_WBITS


class _BadDownload(Exception):
    """What arrived is not the published file."""


def download_part(dataset: IdxDataset, part: Part, data_dir: Path | None) -> tuple[Path, Path]:
    """Put the two gzipped files of a part into the dataset's folder below the data folder.

    A file that is there already is kept. An interruption leaves whole files only; the next call goes on with
    those that are missing.

    Raises:
        DataNotFound: no mirror has the files, or what it has is not the published content.
    """
    folder = base_folder(data_dir) / dataset.name
    with download_bars() as progress:
        images, labels = (_download(dataset, name, folder, progress) for name in PART_FILES[part])
    return images, labels


def _download(dataset: IdxDataset, name: str, folder: Path, progress: Progress) -> Path:
    """One file, from the first mirror that has it."""
    path = folder / f"{name}.gz"
    if path.is_file():
        return path
    faults: list[str] = []
    for mirror in dataset.mirrors:
        url = f"{mirror}{path.name}"
        arriving = pieces(url, progress=progress, title=f"{dataset.title}: {path.name}")
        try:
            write_whole(path, partial(_write, arriving, facts=dataset.files[name]))
            return path
        except (*CONNECTION_ERRORS, zlib.error, _BadDownload) as error:
            faults.append(f"{url}: {reason(error)}")
    raise DataNotFound(_advice(dataset, folder, faults))


def _write(arriving: Iterable[bytes], path: Path, *, facts: FileFacts) -> None:
    """Write the gzipped file to `path`, unpacking on the side to check it.

    Raises:
        CONNECTION_ERRORS, zlib.error: the connection, the disk or the gzip stream broke.
        _BadDownload: the content is another than the published one.
    """
    unpacker, digest, content_bytes = zlib.decompressobj(_GZIP), hashlib.sha256(), 0
    with path.open("wb") as file:
        for piece in arriving:
            file.write(piece)
            # The limit keeps a hostile stream from unpacking to gigabytes.
            content = unpacker.decompress(piece, facts.content_bytes - content_bytes + 1)
            digest.update(content)
            content_bytes += len(content)
            if content_bytes > facts.content_bytes:
                break
    if not unpacker.eof or digest.hexdigest() != facts.content_sha256:
        raise _BadDownload("it is cut off, or the checksum of its content is wrong")


def _advice(dataset: IdxDataset, folder: Path, faults: list[str]) -> str:
    return (
        f"{dataset.title} was not found and could not be downloaded ({'; '.join(faults)}): put its IDX files into "
        f"{folder}, or name their folder with --data-dir or in CONVOY_DATA, or get them from {dataset.package}."
    )
