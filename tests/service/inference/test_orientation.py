import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from service.inference.image import decode_image
from service.inference.orientation import exif_orientation
from tests.service.inference.pictures import LOSSLESS, encode, pixels

# Blocks of one colour each, so that JPEG keeps them apart: two rows of three.
UPRIGHT = np.array([[10, 60, 110], [160, 210, 250]], np.uint8).repeat(16, 0).repeat(16, 1)

# How a picture is stored when the camera was held so (EXIF 2.32, tag Orientation): the inverse of what turns it.
STORED = {
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.T,
    6: np.rot90(UPRIGHT, 1),
    7: UPRIGHT[::-1, ::-1].T,
    8: np.rot90(UPRIGHT, -1),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_orientation_ends_upright(form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation])).convert("RGB")
    data = encode(stored, form, exif=exif, **LOSSLESS.get(form, {"quality": 100}))
    image = decode_image(data, max_pixels=10_000)
    assert image.size == (48, 32)
    assert np.abs(pixels(image.convert("L")) - UPRIGHT).max() <= 3


def test_a_png_may_state_its_exif_after_the_pixels() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    data = encode(Image.fromarray(UPRIGHT), "PNG", exif=exif)
    at = data.index(b"eXIf") - 4
    chunk = data[at : at + 12 + int.from_bytes(data[at : at + 4], "big")]
    moved = data.replace(chunk, b"").replace(data[-12:], chunk + data[-12:])
    assert np.array_equal(pixels(decode_image(moved, max_pixels=10_000)), UPRIGHT[::-1, ::-1])


def tiff_block(order: str, *entries: tuple[int, int, int, int]) -> bytes:
    """An EXIF block of entries (tag, type, count, value)."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    packed = b"".join(struct.pack(order + "HHIHH", *entry, 0) for entry in entries)
    return head + struct.pack(order + "IH", 8, len(entries)) + packed + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_the_tag_is_found_in_both_byte_orders_and_behind_others(order: str, prefix: bytes) -> None:
    block = tiff_block(order, (0x010F, 2, 4, 0), (0x0112, 3, 1, 8), (0x011A, 5, 1, 99))
    assert exif_orientation(prefix + block) == 8


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"Exif\0\0",
        b"nonsense",
        b"II*\0",
        tiff_block("<"),
        tiff_block("<", (0x0112, 3, 1, 0)),
        tiff_block("<", (0x0112, 3, 1, 9)),
        tiff_block("<", (0x0112, 4, 1, 6)),
        tiff_block("<", (0x0112, 3, 2, 6)),
        tiff_block("<", (0x0112, 3, 1, 6))[:-10],
        b"II*\0\xff\xff\xff\xff",
    ],
)
def test_a_damaged_or_missing_tag_means_upright(block: bytes) -> None:
    assert exif_orientation(block) == 1


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_block_breaks_the_reader(tail: bytes) -> None:
    for head in (b"II*\0\x08\0\0\0", b"Exif\0\0MM\0*\0\0\0\x08", b""):
        assert 1 <= exif_orientation(head + tail) <= 8
