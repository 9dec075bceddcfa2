"""Writes PNG files fast: one filter for all rows instead of a search for the best one."""

import struct
import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_UP: Final = 2
_GRAY, _RGB = 0, 2

# 500x375 RGB, a photograph-like picture (1/f noise through JPEG at quality 90), best of several runs:
#   Pillow, which tries five filters per row, level 1: 17.7 ms, 376 KB; level 6: 33.9 ms, 396 KB
#   here, level 1: 7.7 ms, 368 KB; level 1 with Huffman codes only: 3.5 ms, 408 KB
# Huffman codes alone are faster still, and never get a plain drawing below an eighth of its size.
_LEVEL: Final = 1


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file (ISO/IEC 15948) of 8-bit gray (H, W) or RGB (H, W, 3) pixels."""
    height, width = pixels.shape[:2]
    rows = pixels.reshape(height, -1)
    filtered = np.empty((height, 1 + rows.shape[1]), np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    colour_type = _GRAY if pixels.ndim == 2 else _RGB
    return b"".join(
        (
            _SIGNATURE,
            *_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)),
            *_chunk(b"IDAT", zlib.compress(filtered.data, _LEVEL)),
            *_chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Length, name, data and checksum of a chunk."""
    return struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
