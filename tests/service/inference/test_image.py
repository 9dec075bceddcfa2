import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from service.errors import BadImage
from service.inference.image import decode_image
from tests.service.inference.pictures import (
    LOSSLESS,
    bmp,
    encode,
    gray_tiff,
    photo,
    pixels,
    png,
    samples_of_every_kind,
    tiff,
)


def decode(data: bytes) -> Image.Image:
    return decode_image(data, max_pixels=100_000)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "BMP", "TIFF"])
def test_a_lossless_file_gives_back_its_colours(form: str) -> None:
    image = decode(encode(photo(), form, **LOSSLESS[form]))
    assert image.mode == "RGB"
    assert np.array_equal(pixels(image), pixels(photo()))


def test_a_jpeg_gives_back_its_colours_nearly() -> None:
    smooth = photo(seed=1).resize((240, 160))
    image = decode(encode(smooth, "JPEG", quality=95))
    assert image.mode == "RGB"
    assert np.abs(pixels(image) - pixels(smooth)).mean() < 3


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "GIF", "TIFF"])
def test_a_gray_file_stays_gray(form: str) -> None:
    gray = Image.fromarray(np.tile(np.arange(0, 256, 4, dtype=np.uint8), (16, 1)))
    image = decode(encode(gray, form))
    assert image.mode == "L"
    assert np.abs(pixels(image) - pixels(gray)).max() <= (2 if form == "JPEG" else 0)


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF", "TIFF"])
def test_one_bit_becomes_black_and_white(form: str) -> None:
    bits = np.zeros((9, 13), bool)
    bits[2:5, 3:11] = True
    image = decode(encode(Image.fromarray(bits), form))
    assert image.mode == "L"
    assert np.array_equal(pixels(image), bits * 255)


@pytest.mark.parametrize("compression", ["group4", "group3", "packbits", "tiff_lzw", "tiff_adobe_deflate"])
def test_compressed_one_bit_tiff_files_are_read(compression: str) -> None:
    bits = np.eye(20, dtype=bool)
    image = decode(encode(Image.fromarray(bits), "TIFF", compression=compression))
    assert np.array_equal(pixels(image), bits * 255)


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF", "TIFF"])
def test_palette_colours_are_looked_up(form: str) -> None:
    image = Image.new("P", (4, 3))
    image.putpalette([200, 30, 60, 10, 250, 90])
    image.putpixel((2, 1), 1)
    decoded = decode(encode(image, form))
    assert decoded.mode == "RGB"
    assert decoded.getpixel((0, 0)) == (200, 30, 60)
    assert decoded.getpixel((2, 1)) == (10, 250, 90)


def test_a_palette_of_grays_makes_a_gray_picture() -> None:
    image = Image.new("P", (4, 3))
    image.putpalette([7, 7, 7, 250, 250, 250])
    image.putpixel((2, 1), 1)
    decoded = decode(encode(image, "PNG"))
    assert decoded.mode == "L"
    assert (decoded.getpixel((0, 0)), decoded.getpixel((2, 1))) == (7, 250)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_transparent_colours_lie_over_white(form: str) -> None:
    image = Image.new("RGBA", (3, 1), (200, 100, 0, 255))
    image.putpixel((1, 0), (200, 100, 0, 0))
    image.putpixel((2, 0), (200, 100, 0, 51))
    decoded = decode(encode(image, form, **LOSSLESS[form]))
    assert decoded.mode == "RGB"
    assert decoded.getpixel((0, 0)) == (200, 100, 0)
    assert decoded.getpixel((1, 0)) == (255, 255, 255)
    # A fifth of the colour and four fifths of white.
    assert decoded.getpixel((2, 0)) == (244, 224, 204)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_transparent_grays_lie_over_white_and_stay_gray(form: str) -> None:
    image = Image.new("LA", (3, 1), (100, 255))
    image.putpixel((1, 0), (100, 0))
    image.putpixel((2, 0), (100, 51))
    decoded = decode(encode(image, form))
    assert decoded.mode == "L"
    assert list(decoded.tobytes()) == [100, 255, 224]


def test_a_drawing_on_a_transparent_ground_is_dark_on_light() -> None:
    drawing = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    drawing.paste((0, 0, 0, 255), (3, 3, 5, 5))
    decoded = decode(encode(drawing, "PNG"))
    assert decoded.getpixel((0, 0)) == (255, 255, 255)
    assert decoded.getpixel((4, 4)) == (0, 0, 0)


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_white(form: str) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([200, 30, 60, 10, 250, 90])
    image.putpixel((1, 0), 1)
    decoded = decode(encode(image, form, transparency=1))
    assert decoded.getpixel((0, 0)) == (200, 30, 60)
    assert decoded.getpixel((1, 0)) == (255, 255, 255)


def test_a_half_transparent_palette_entry_is_mixed_with_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([200, 100, 0, 10, 250, 90])
    decoded = decode(encode(image, "PNG", transparency=bytes((51, 255))))
    assert decoded.getpixel((0, 0)) == (244, 224, 204)


@pytest.mark.parametrize(
    ("bits", "row", "level", "expected"),
    [
        (1, b"\0\xa0", 1, [255, 0, 255, 0]),  # 1 0 1 0, of which 1 is white anyway
        (1, b"\0\xa0", 0, [255, 255, 255, 255]),
        (2, b"\0\x1b", 1, [0, 255, 170, 255]),  # 0 1 2 3
        (4, b"\0\x01\x9f", 9, [0, 17, 255, 255]),  # 0 1 9 15
        (8, b"\0\0\x01\x63\xff", 99, [0, 1, 255, 255]),
        (16, b"\0\0\0\x12\x34\x12\x35\xff\xff", 0x1234, [0, 255, 0x12, 255]),
    ],
)
def test_the_transparent_gray_of_a_png_counts_in_its_own_bit_depth(
    bits: int, row: bytes, level: int, expected: list[int]
) -> None:
    decoded = decode(png((4, 1), bits, 0, row, transparent=level.to_bytes(2, "big")))
    assert decoded.mode == "L"
    assert list(decoded.tobytes()) == expected


@pytest.mark.parametrize("bits", [8, 16])
def test_the_transparent_colour_of_a_png_is_white(bits: int) -> None:
    colours = ((10, 20, 30), (40, 50, 60))
    row = b"\0" + b"".join(level.to_bytes(1, "big") * (bits // 8) for colour in colours for level in colour)
    transparent = b"".join((level * (257 if bits == 16 else 1)).to_bytes(2, "big") for level in colours[1])
    decoded = decode(png((2, 1), bits, 2, row, transparent=transparent))
    assert decoded.getpixel((0, 0)) == (10, 20, 30)
    assert decoded.getpixel((1, 0)) == (255, 255, 255)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_keep_their_high_byte(form: str) -> None:
    samples = np.array([[0, 255, 256, 0x1234, 0xFF00, 0xFFFF]], np.uint16)
    decoded = decode(encode(Image.fromarray(samples), form))
    assert decoded.mode == "L"
    assert list(decoded.tobytes()) == [0, 0, 1, 0x12, 0xFF, 0xFF]


def test_sixteen_bits_in_the_other_byte_order_keep_their_high_byte() -> None:
    big_endian = Image.frombytes("I;16B", (2, 1), b"\x12\x34\xff\x00")
    assert list(decode(encode(big_endian, "TIFF")).tobytes()) == [0x12, 0xFF]


def test_sixteen_bit_colours_keep_their_high_bytes() -> None:
    decoded = decode(png((1, 1), 16, 2, b"\0\x12\x34\x56\x78\x9a\xbc"))
    assert decoded.getpixel((0, 0)) == (0x12, 0x56, 0x9A)


def test_sixteen_bit_gray_with_alpha_lies_over_white() -> None:
    decoded = decode(png((2, 1), 16, 4, b"\0\x64\x00\xff\xff\x64\x00\x00\x00"))
    assert decoded.convert("L").tobytes() == b"\x64\xff"


def test_twelve_bits_are_spread_over_eight() -> None:
    # 0x000, 0x800, 0xfff and a filler, packed two to three bytes.
    decoded = decode(gray_tiff(12, bytes((0x00, 0x08, 0x00, 0xFF, 0xF0, 0x00)), (3, 1)))
    assert list(decoded.tobytes()) == [0, 0x80, 0xFF]


def test_a_sixteen_bit_tiff_whose_zero_is_white_is_inverted() -> None:
    decoded = decode(gray_tiff(16, b"\x00\x00\xff\xff\x00\x12", (3, 1), photometric=0))
    assert list(decoded.tobytes()) == [255, 0, 255 - 0x12]


def test_an_eight_bit_tiff_whose_zero_is_white_is_inverted() -> None:
    assert list(decode(gray_tiff(8, b"\x00\xff\x12", (3, 1), photometric=0)).tobytes()) == [255, 0, 255 - 0x12]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_samples_without_a_known_white_are_refused(mode: str) -> None:
    with pytest.raises(BadImage, match=r"signed, 32-bit or floating-point samples, where no value is known .* 8 or"):
        decode(encode(Image.new(mode, (4, 4)), "TIFF"))


def test_signed_sixteen_bit_samples_are_refused() -> None:
    tags = {256: (2,), 257: (1,), 258: (16,), 259: (1,), 262: (1,), 277: (1,), 278: (1,), 279: (4,), 339: (2,)}
    with pytest.raises(BadImage, match="signed"):
        decode(tiff(tags, bytes(4)))


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb(form: str) -> None:
    cmyk = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    cmyk.paste((0, 0, 0, 255), (0, 8, 16, 16))
    decoded = decode(encode(cmyk, form))
    assert decoded.mode == "RGB"
    assert np.abs(pixels(decoded)[2, 2] - (0, 255, 255)).max() <= 3
    assert np.abs(pixels(decoded)[13, 2]).max() <= 3


def test_the_inverted_cmyk_of_adobe_is_what_a_jpeg_holds() -> None:
    # Pillow writes CMYK inverted and says so in an Adobe marker; the first sample of white is then 255.
    data = encode(Image.new("CMYK", (8, 8), (0, 0, 0, 0)), "JPEG")
    assert b"Adobe" in data
    assert decode(data).getpixel((4, 4)) == (255, 255, 255)
    # Without the marker a file is read the same way.
    at = data.index(b"Adobe") - 4
    unmarked = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    assert decode(unmarked).getpixel((4, 4)) == (255, 255, 255)


def test_ycck_becomes_rgb() -> None:
    # Four planes declared as YCCK in the Adobe marker. Pillow writes them inverted: luma 0, chroma neutral, K 255;
    # converted, that is full CMY in the file, which Adobe means inverted too: no ink at all.
    planes = Image.merge("CMYK", [Image.new("L", (8, 8), level) for level in (255, 127, 127, 0)])
    data = bytearray(encode(planes, "JPEG", quality=100))
    data[data.index(b"Adobe") + 11] = 2
    assert np.abs(pixels(decode(bytes(data))) - 255).max() <= 2


def test_lab_becomes_rgb() -> None:
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = ImageCms.applyTransform(Image.new("RGB", (2, 2), (200, 30, 60)), to_lab)
    assert lab is not None
    decoded = decode(encode(lab, "TIFF"))
    assert np.abs(pixels(decoded) - (200, 30, 60)).max() <= 3


@pytest.mark.parametrize(
    ("form", "options"), [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("MPO", {})]
)
def test_the_first_picture_of_several_is_taken(form: str, options: dict[str, Any]) -> None:
    first, second = Image.new("RGB", (16, 16), (250, 0, 0)), Image.new("RGB", (16, 16), (0, 0, 250))
    decoded = decode(encode(first, form, save_all=True, append_images=[second], **options))
    assert decoded.size == (16, 16)
    assert np.abs(pixels(decoded) - (250, 0, 0)).max() <= 3


def test_an_interlaced_gif_is_put_in_order() -> None:
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(32, 8))
    assert np.array_equal(pixels(decode(encode(ramp, "GIF", interlace=1))), pixels(ramp))


def test_an_interlaced_png_is_put_in_order() -> None:
    # Adam7 of 2x2 pixels: pass 1 is the pixel (0, 0), pass 6 the pixel (1, 0), pass 7 the second row.
    data = bytearray(png((2, 2), 8, 0, b"\0\x0a" + b"\0\x14" + b"\0\x1e\x28"))
    data[28] = 1
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    assert list(decode(bytes(data)).tobytes()) == [0x0A, 0x14, 0x1E, 0x28]


def test_a_bmp_with_an_alpha_channel_that_nobody_filled_is_opaque() -> None:
    masks = (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)
    header = bytearray(bmp((1, 1), 32, bytes((60, 30, 200, 0)), compression=3))
    # A version 4 header states the masks after the usual 40 bytes.
    extended = header[:54] + b"".join(mask.to_bytes(4, "little") for mask in masks) + bytes(108 - 56)
    extended[14:18] = (108).to_bytes(4, "little")
    extended[10:14] = (122).to_bytes(4, "little")
    assert decode(bytes(extended + bytes((60, 30, 200, 0)))).getpixel((0, 0)) == (200, 30, 60)
    assert decode(bytes(extended + bytes((60, 30, 200, 255)))).getpixel((0, 0)) == (200, 30, 60)


def test_a_small_run_length_encoded_bmp_is_read() -> None:
    runs = bytes((2, 0, 1, 1, 0, 0)) + bytes((3, 1, 0, 1))
    decoded = decode(bmp((3, 2), 8, runs, compression=1, palette=(0x00C81E3C, 0x000AFA5A)))
    assert [decoded.getpixel((x, 1)) for x in range(3)] == [(200, 30, 60), (200, 30, 60), (10, 250, 90)]
    assert decoded.getpixel((0, 0)) == (10, 250, 90)


@pytest.mark.parametrize("name", samples_of_every_kind())
def test_a_memoryview_is_decoded_like_bytes(name: str) -> None:
    data = samples_of_every_kind()[name]
    padded = memoryview(b"...." + data)[4:]
    assert decode_image(padded, max_pixels=100_000).tobytes() == decode(data).tobytes()
