"""Bytes that are no good picture: each is refused in one sentence, and nothing else ever happens."""

import random
import re
import struct
import tracemalloc
import warnings
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, _imaging

from service.errors import BadImage, TooLarge, UnsupportedMedia
from service.inference.image import PIXELS_AT_MOST, decode_image, quiet_pillow
from tests.service.inference.pictures import bmp, encode, gray_tiff, photo, png, samples_of_every_kind

SAMPLES = samples_of_every_kind()
SIGNATURES = (
    b"",
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    b"RIFF\xff\0\0\0WEBPVP8X",
    b"BM" + bytes(12) + b"\x28\0\0\0",
    b"GIF89a",
    b"II*\0\x08\0\0\0",
    b"MM\0+\0\x08\0\0",
)


@pytest.fixture(autouse=True)
def as_in_the_service() -> None:
    """Pillow's remarks on damage are not errors here, as they are not in the service."""
    quiet_pillow()


def decode_or_refuse(data: bytes) -> None:
    """Decode, and insist on a good picture or a good sentence."""
    refusal = None
    try:
        image = decode_image(data, max_pixels=1_000_000)
    except (BadImage, TooLarge, UnsupportedMedia) as error:
        refusal = str(error)
    if refusal is None:
        assert image.mode in ("L", "RGB")
        assert len(image.tobytes()) == image.width * image.height * len(image.getbands())
    else:
        assert re.fullmatch(r"[A-Z][^\n]*\.", refusal)
        assert not re.search(r"object at|PIL|Plugin|<_io|Traceback|decoder error|Errno", refusal)


def test_nothing_is_said_to_be_empty() -> None:
    with pytest.raises(BadImage, match=r"^The picture is empty: it has 0 bytes\.$"):
        decode_image(b"", max_pixels=100)


@pytest.mark.parametrize("data", [b"hello", b"{}", bytes(1000), b"\xff\xd8"])
def test_other_bytes_are_said_to_be_no_picture(data: bytes) -> None:
    with pytest.raises(
        BadImage, match=r"^This is not a picture that can be decoded; send JPEG, PNG, WebP, BMP, GIF or TIFF\.$"
    ):
        decode_image(data, max_pixels=100)


def test_a_known_format_that_is_not_decoded_is_named() -> None:
    with pytest.raises(UnsupportedMedia, match=r"^HEIC is not supported; send JPEG, PNG, WebP, BMP, GIF or TIFF\.$"):
        decode_image(b"\0\0\0\x18ftypheic\0\0\0\0", max_pixels=100)


def test_formats_that_pillow_knows_beside_these_stay_shut() -> None:
    for form in ("ICO", "PPM", "TGA", "PCX", "SGI", "ICNS", "JPEG2000", "AVIF"):
        with pytest.raises((BadImage, UnsupportedMedia)):
            decode_image(encode(photo(32, 32), form), max_pixels=10_000)


def test_a_lying_postscript_header_runs_no_interpreter() -> None:
    with pytest.raises(UnsupportedMedia, match="EPS"):
        decode_image(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", max_pixels=100)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_cut_anywhere_is_decoded_or_refused(name: str) -> None:
    data = SAMPLES[name]
    for length in range(0, len(data), 10):
        decode_or_refuse(data[:length])


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "fax tiff"])
def test_half_a_file_is_refused(name: str) -> None:
    with pytest.raises(BadImage, match=r"^The \w+ picture cannot be decoded: it is damaged or incomplete\.$"):
        decode_image(SAMPLES[name][: len(SAMPLES[name]) // 2], max_pixels=1_000_000)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_with_flipped_bytes_is_decoded_or_refused(name: str) -> None:
    rng = random.Random(name)
    for _ in range(150):
        data = bytearray(SAMPLES[name])
        for _ in range(rng.choice((1, 1, 2, 4, 16))):
            data[rng.randrange(min(len(data), rng.choice((40, 300, len(data)))))] = rng.randrange(256)
        decode_or_refuse(bytes(data))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SIGNATURES), st.binary(max_size=300))
def test_random_bytes_behind_any_signature_are_refused(signature: bytes, tail: bytes) -> None:
    decode_or_refuse(signature + tail)


def png_header(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + header
        + struct.pack(">I", zlib.crc32(header))
        + b"\0\0\0\x05IDAT"
    )


BOMBS = {
    "png": png_header(60_000, 60_000),
    "gif": b"GIF89a" + struct.pack("<HHBBB", 60_000, 60_000, 0, 0, 0) + b",\0\0\0\0\1\0\1\0\0\x02\0;",
    "gif frame": b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + b",\0\0\0\0\x60\xea\x60\xea\0\x02\0;",
    "tiff": gray_tiff(8, b"", (60_000, 60_000)),
    "webp": b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(4) + (59_999).to_bytes(3, "little") * 2,
    "bmp": bmp((60_000, 60_000), 24, b""),
    "jpeg": re.sub(
        rb"(\xff\xc0..\x08)....",
        lambda found: found[1] + struct.pack(">HH", 60_000, 60_000),
        SAMPLES["jpeg"],
        flags=re.DOTALL,
    ),
}


@pytest.mark.parametrize("form", BOMBS)
def test_a_huge_size_in_the_header_is_refused_before_anything_is_decoded(form: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(
            TooLarge, match=r"^The picture has 60000x60000 = 3600000000 pixels, more than the 1000000 allowed\.$"
        ):
            decode_image(BOMBS[form], max_pixels=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_picture_of_exactly_the_limit_is_decoded() -> None:
    data = encode(photo(40, 25), "PNG")
    assert decode_image(data, max_pixels=1000).size == (40, 25)
    with pytest.raises(TooLarge, match="40x25 = 1000 pixels, more than the 999 allowed"):
        decode_image(data, max_pixels=999)


@pytest.mark.parametrize("form", ["png", "tiff", "bmp", "gif", "webp"])
def test_a_limit_above_pillows_own_never_wakes_its_warning(form: str) -> None:
    # 10000x10000 pixels lie between the size that Pillow warns at and the one that it refuses.
    width, height = 10_000, 10_000
    data = {
        "png": png_header(width, height),
        "tiff": gray_tiff(8, b"", (width, height)),
        "bmp": bmp((width, height), 24, b""),
        "gif": b"GIF89a\1\0\1\0\0\0\0,\0\0\0\0\x10\x27\x10\x27\0\x02\0;",
        "webp": b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(4) + (9_999).to_bytes(3, "little") * 2,
    }[form]
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        with pytest.raises(TooLarge, match=f"more than the {PIXELS_AT_MOST} allowed"):
            decode_image(data, max_pixels=10**9)
    assert not remarks
    assert Image.MAX_IMAGE_PIXELS == PIXELS_AT_MOST


def test_damaged_tiff_tags_are_not_remarked_on() -> None:
    data = bytearray(SAMPLES["tiff"])
    directory = int.from_bytes(data[4:8], "little")
    data[directory + 2 + 12 * 2 + 8 : directory + 2 + 12 * 2 + 12] = b"\xff\xff\xff\x7f"
    with warnings.catch_warnings(record=True) as remarks:
        quiet_pillow()
        decode_or_refuse(bytes(data))
    assert not remarks


def test_memory_that_runs_out_is_not_blamed_on_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(_imaging, "new", no_memory)
    with pytest.raises(MemoryError):
        decode_image(SAMPLES["png"], max_pixels=1_000_000)


def test_a_stream_that_unpacks_to_more_than_its_header_says_is_read_as_far_as_that() -> None:
    long_stream = png((4, 1), 8, 0, b"\0" + bytes(1_000_000))
    assert decode_image(long_stream, max_pixels=100).size == (4, 1)
