"""IDX files, written for the purpose."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

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
