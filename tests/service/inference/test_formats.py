import pytest

from service.inference.formats import SUPPORTED, gif_size_px, refused_format, sniff, webp_size_px
from tests.service.inference.pictures import bmp, encode, photo, samples_of_every_kind


@pytest.mark.parametrize("name", samples_of_every_kind())
def test_every_supported_file_is_recognised(name: str) -> None:
    form = next(form for form in ("jpeg tiff", "tiff", "jpeg", "png", "webp", "bmp", "gif") if form in name)
    assert sniff(samples_of_every_kind()[name]) == form.split()[-1]


def test_a_view_of_memory_is_recognised() -> None:
    assert sniff(memoryview(encode(photo(), "PNG"))) == "png"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        b'{"image": "aGVsbG8="}',
        b"--boundary\r\nContent-Disposition: form-data",
        b"BMW is a manufacturer of cars.",
        b"GIF88a............",
        b"RIFF....WAVEfmt ....",
        b"II\0\0 is no TIFF",
        bytes(64),
    ],
)
def test_other_bytes_are_no_picture(data: bytes) -> None:
    assert sniff(data) is None
    assert refused_format(data) is None


def test_a_bmp_is_told_from_text_by_its_second_header() -> None:
    assert sniff(bmp((1, 1), 24, bytes(4))) == "bmp"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf\n<?xml version='1.0'?><!-- drawn --><svg/>", "SVG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "AVIF"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isom", "ISO media (video)"),
        (b"%PDF-1.7\n", "PDF"),
        (b"8BPS\0\x01", "PSD"),
        (b"\0\0\1\0\1\0\x10\x10", "ICO"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "EPS"),
        (b"P6\n2 2\n255\n", "PNM"),
        (b"qoif", "QOI"),
    ],
)
def test_known_formats_that_are_not_decoded_are_named(data: bytes, name: str) -> None:
    assert sniff(data) is None
    assert refused_format(data) == name


def test_the_supported_formats_are_listed_for_people() -> None:
    assert SUPPORTED == "JPEG, PNG, WebP, BMP, GIF or TIFF"


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0"}])
def test_the_size_of_a_webp_is_read_from_its_header(options: dict[str, object]) -> None:
    data = encode(photo(61, 43), "WEBP", **options)
    assert webp_size_px(data[:30]) == (61, 43)
    assert webp_size_px(data[:29]) is None


def test_an_unknown_chunk_of_a_webp_has_no_size() -> None:
    assert webp_size_px(b"RIFF\0\0\0\0WEBPALPH" + bytes(20)) is None


@pytest.mark.parametrize("options", [{}, {"comment": b"drawn by hand", "transparency": 0, "loop": 0}])
def test_the_size_of_a_gif_is_read_from_its_headers(options: dict[str, object]) -> None:
    assert gif_size_px(encode(photo(61, 43).convert("P"), "GIF", **options)) == (61, 43)


def test_a_frame_over_the_screen_of_a_gif_makes_it_larger() -> None:
    data = bytearray(encode(photo(61, 43).convert("P"), "GIF"))
    frame = data.index(b"\x2c\0\0\0\0\x3d\0\x2b\0")
    data[frame + 1 : frame + 9] = b"\x0a\0\x14\0\x3d\0\x2b\0"
    assert gif_size_px(bytes(data)) == (71, 63)


@pytest.mark.parametrize("tail", [b"", b"\x3b", b"\x2c\0\0", b"\x21\xfe\x05abc"])
def test_a_gif_without_a_frame_has_no_size(tail: bytes) -> None:
    assert gif_size_px(b"GIF89a\x04\0\x04\0\0\0\0" + tail) is None
    assert gif_size_px(b"GIF89a") is None
