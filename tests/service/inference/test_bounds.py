"""Small files that would keep a decoder busy: each is refused at once, and its harmless likeness is decoded."""

import struct
import time

import numpy as np
import pytest
from PIL import Image

from service.errors import BadImage, TooLarge
from service.inference.image import decode_image
from tests.service.inference.pictures import bmp, encode, gray_tiff, photo, tiff

LIMIT = 25_000_000
AT_ONCE_S = 0.5


def exif_pieces(count: int, separator: bytes = b"") -> bytes:
    """A JPEG with its EXIF block in `count` pieces."""
    data = encode(photo(16, 16), "JPEG")
    piece = b"\xff\xe1" + struct.pack(">H", 18) + b"Exif\0\0" + bytes(10)
    return data[:2] + b"\xff\xfe\0\2" + separator + piece * count + data[2:]


# What a decoder skips on its way to the next segment: nothing, filling, a marker without a length, junk.
@pytest.mark.parametrize("separator", [b"", b"\xff", b"\xff\xd0", b"junk"])
def test_an_exif_block_in_very_many_pieces_is_refused(separator: bytes) -> None:
    started = time.perf_counter()
    with pytest.raises(BadImage, match="its EXIF block in 200000 pieces, 100 are allowed"):
        decode_image(exif_pieces(200_000, separator), max_pixels=LIMIT)
    assert time.perf_counter() - started < AT_ONCE_S


def test_an_exif_block_in_some_pieces_is_read() -> None:
    assert decode_image(exif_pieces(100), max_pixels=LIMIT).size == (16, 16)


def progressive(scans: int) -> bytes:
    """A progressive JPEG of 4 megapixels with that many scans."""
    data = encode(Image.new("L", (2000, 2000), 128), "JPEG", progressive=True)
    last_scan = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last_scan * (scans - data.count(b"\xff\xda")) + data[-2:]


def test_a_progressive_jpeg_with_very_many_scans_is_refused() -> None:
    started = time.perf_counter()
    with pytest.raises(BadImage, match="has 5000 scans, 100 are allowed"):
        decode_image(progressive(5000), max_pixels=LIMIT)
    assert time.perf_counter() - started < AT_ONCE_S


def test_a_progressive_jpeg_with_the_usual_scans_is_decoded() -> None:
    assert decode_image(progressive(10), max_pixels=LIMIT).getpixel((0, 0)) == 128


def test_a_large_run_length_encoded_bmp_is_refused() -> None:
    with pytest.raises(TooLarge, match="run-length encoded and has 1001x1000 pixels, more than the 1000000 allowed"):
        decode_image(bmp((1001, 1000), 8, b"\1\1\0\0", compression=1, palette=(0, 0xFFFFFF)), max_pixels=LIMIT)


def striped_tiff(rows_per_strip: int, strips: int) -> bytes:
    """A gray TIFF of 100x100 pixels whose strips all point at the same samples."""
    tags = {256: (100,), 257: (100,), 258: (8,), 259: (1,), 262: (1,), 277: (1,), 278: (rows_per_strip,)}
    samples_at = len(tiff(tags, b"")) + (4 * strips if strips > 1 else 0)
    data = bytearray(tiff(tags, b"") + struct.pack(f"<{strips}I", *[samples_at] * strips) + bytes([7]) * 10_000)
    entry = data.index(struct.pack("<HHI", 273, 4, 1))
    struct.pack_into("<II", data, entry + 4, strips, len(tiff(tags, b"")))
    return bytes(data)


def test_strips_that_cover_a_tiff_many_times_are_refused() -> None:
    started = time.perf_counter()
    # 99 rows and the last one, over and over: Pillow leaves out only repetitions that follow each other.
    with pytest.raises(BadImage, match="its strips overlap"):
        decode_image(striped_tiff(99, 20_000), max_pixels=LIMIT)
    assert time.perf_counter() - started < AT_ONCE_S


def test_strips_that_cover_a_tiff_once_are_decoded() -> None:
    image = decode_image(striped_tiff(10, 10), max_pixels=LIMIT)
    assert np.all(np.asarray(image) == 7)


def test_a_tiff_with_one_strip_for_all_rows_is_decoded() -> None:
    assert decode_image(gray_tiff(8, bytes(range(6)), (3, 2)), max_pixels=LIMIT).tobytes() == bytes(range(6))


def tiled_tiff(tile_width: int, tile_length: int) -> bytes:
    """A compressed gray TIFF of 4x4 pixels in tiles."""
    sizes = {256: (4,), 257: (4,), 258: (8,), 259: (8,), 262: (1,), 277: (1,)}
    return tiff(sizes | {322: (tile_width,), 323: (tile_length,), 324: (8,), 325: (8,)}, bytes(8))


def test_a_tiff_with_giant_tiles_is_refused() -> None:
    with pytest.raises(TooLarge, match="tiles of 30000x30000 pixels, more than the 25000000 allowed"):
        decode_image(tiled_tiff(30_000, 30_000), max_pixels=LIMIT)
