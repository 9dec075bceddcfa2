"""Tells picture formats apart by their first bytes; nothing is decoded here."""

import struct
from typing import Literal

Format = Literal["jpeg", "png", "webp", "bmp", "gif", "tiff"]

SUPPORTED = "JPEG, PNG, WebP, BMP, GIF or TIFF"
"""The formats that are decoded, as they stand in a sentence."""

# A BMP's signature is two letters that a text may begin with too: the size of its second header decides.
_BMP_HEADER_BYTES = frozenset({12, 40, 52, 56, 64, 108, 124})
_TIFF_SIGNATURES = frozenset({b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"})

# Formats that people send and that are not decoded: refused by name, which says more than "not a picture".
_REFUSED_SIGNATURES = (
    (b"%PDF-", "PDF"),
    (b"8BPS", "PSD"),
    (b"\0\0\1\0", "ICO"),
    (b"\0\0\2\0", "CUR"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"DDS ", "DDS"),
    (b"qoif", "QOI"),
    (b"gimp xcf", "XCF"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"\x93NUMPY", "NumPy array"),
    (b"SIMPLE  =", "FITS"),
)
_REFUSED_BRANDS = {
    b"heic": "HEIC",
    b"heix": "HEIC",
    b"heim": "HEIC",
    b"heis": "HEIC",
    b"hevc": "HEIC",
    b"hevx": "HEIC",
    b"mif1": "HEIC",
    b"msf1": "HEIC",
    b"avif": "AVIF",
    b"avis": "AVIF",
}
_SVG_SEARCH_BYTES = 1024


def sniff(data: bytes | bytearray | memoryview) -> Format | None:
    """The supported format that the first bytes announce, None where they announce none; about 0.3 µs."""
    head = bytes(data[:18])
    if head[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:6] in (b"GIF89a", b"GIF87a"):
        return "gif"
    if head[:4] in _TIFF_SIGNATURES:
        return "tiff"
    if head[:2] == b"BM" and (len(head) < 18 or (head[14] in _BMP_HEADER_BYTES and head[15:18] == b"\0\0\0")):
        return "bmp"
    return None


def refused_format(data: bytes | bytearray | memoryview) -> str | None:
    """Name of the well-known format of `data` that is not decoded here, None where it is not one of them."""
    head = bytes(data[:_SVG_SEARCH_BYTES])
    for signature, name in _REFUSED_SIGNATURES:
        if head.startswith(signature):
            return name
    if head[4:8] == b"ftyp":
        return _REFUSED_BRANDS.get(head[8:12], "ISO media (video)")
    if head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3].isspace():
        return "PNM"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"<") and b"<svg" in text:
        return "SVG"
    return None


def webp_size_px(data: bytes | memoryview) -> tuple[int, int] | None:
    """(width, height) of a WebP's canvas from its first 30 bytes, None where they are damaged.

    Its decoder allocates the whole canvas as soon as it is opened, so a limit has to be kept before.
    """
    chunk = bytes(data[12:16])
    if len(data) < 30:
        return None
    if chunk == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def gif_size_px(data: bytes | memoryview) -> tuple[int, int] | None:
    """(width, height) that a GIF's first frame needs, None where the file ends before it.

    A frame may reach over the logical screen; Pillow then enlarges the picture, and warns while opening it.
    """
    if len(data) < 13:
        return None
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    while at < len(data):
        block = data[at]
        at += 1
        if block == 0x2C:  # an image descriptor
            if at + 8 > len(data):
                return None
            left, top, frame_width, frame_height = struct.unpack_from("<HHHH", data, at)
            return max(width, left + frame_width), max(height, top + frame_height)
        if block == 0x3B:  # the trailer
            return None
        if block == 0x21:  # an extension: its label, then blocks up to an empty one
            at += 1
            while at < len(data) and data[at]:
                at += 1 + data[at]
            at += 1
    return None
