"""IDX files, the format of MNIST: a magic number, big-endian counts, then unsigned bytes; plain or gzipped."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.errors import BadData

_UNSIGNED_BYTES = 0x08


def read_idx(path: Path, *, dimensions: int) -> NDArray[np.uint8]:
    """The array in a file of unsigned bytes, read-only, in the file's own shape.

    Raises:
        BadData: not such a file, truncated, or longer than its header says.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadData(f"{path} is not a whole gzip file: {str(error).rstrip('.')}.") from None
    except OSError as error:
        raise BadData(f"{path} cannot be read: {error.strerror}.") from None
    header_bytes = 4 + 4 * dimensions
    if content[:4] != bytes((0, 0, _UNSIGNED_BYTES, dimensions)):
        raise BadData(
            f"{path} is not an IDX file of {dimensions}-dimensional unsigned bytes: it starts with "
            f"0x{content[:4].hex()}, not 0x{bytes((0, 0, _UNSIGNED_BYTES, dimensions)).hex()}."
        )
    if len(content) < header_bytes:
        raise BadData(f"{path} ends inside its header.")
    shape = struct.unpack(f">{dimensions}I", content[4:header_bytes])
    expected_bytes = header_bytes + math.prod(shape)
    if len(content) != expected_bytes:
        raise BadData(f"{path} has {len(content)} bytes, but its header of shape {shape} asks for {expected_bytes}.")
    return np.frombuffer(content, dtype=np.uint8, offset=header_bytes).reshape(shape)


def read_pair(images_path: Path, labels_path: Path, *, classes: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, H, W) and their class indices (N,), from the two files of a split.

    Raises:
        BadData: a file is damaged, the counts differ, or a label is not below `classes`.
    """
    images, targets = read_idx(images_path, dimensions=3), read_idx(labels_path, dimensions=1)
    if len(images) != len(targets):
        raise BadData(f"{images_path} has {len(images)} images, but {labels_path} has {len(targets)} labels.")
    if len(images) == 0 or images.size == 0:
        raise BadData(f"{images_path} has no images.")
    if int(targets.max()) >= classes:
        raise BadData(f"{labels_path} has the label {targets.max()}, but there are only {classes} classes.")
    return images, targets.astype(np.int64)
