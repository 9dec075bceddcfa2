"""IDX files, and a folder of pictures with masks, written for the purpose."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.export.data.plain_pairs import put_pairs

IdxWriter = Callable[[Path, NDArray[np.uint8]], Path]


@pytest.fixture
def write_idx() -> IdxWriter:
    """Write an array as an IDX file of unsigned bytes, gzipped where the name ends in .gz."""

    def write(path: Path, array: NDArray[np.uint8]) -> Path:
        header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
        content = header + array.tobytes()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
        return path

    return write


@pytest.fixture
def things(tmp_path: Path) -> Path:
    """20 pictures in images/ and masks/, and classes.txt."""
    put_pairs(tmp_path, range(20))
    (tmp_path / "classes.txt").write_text("background\nthing\n")
    return tmp_path
