"""Encoded pictures for tests: what Pillow writes, and headers and samples that it does not write."""

import struct
import zlib
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LOSSLESS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "WEBP": {"lossless": True},
    "BMP": {},
    "GIF": {},
    "TIFF": {},
}
"""Formats that give back what was put in, with the options for that."""


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    """The file that Pillow writes."""
    file = BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def photo(width: int = 60, height: int = 40, seed: int = 0) -> Image.Image:
    """An RGB picture with gradients and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    colours = np.stack((x * 255 / width, y * 255 / height, 128 + 60 * np.sin(x / 5)), axis=-1)
    return Image.fromarray((colours + rng.normal(0, 8, colours.shape)).clip(0, 255).astype(np.uint8))


def pixels(image: Image.Image) -> NDArray[np.int16]:
    """Its pixels as numbers that can be subtracted."""
    return np.asarray(image).astype(np.int16)


def png(
    size_px: tuple[int, int], bits: int, colour_type: int, rows: bytes, *, transparent: bytes | None = None
) -> bytes:
    """A PNG of any bit depth and colour type from its packed rows, each led by its filter byte."""
    header = struct.pack(">IIBBBBB", *size_px, bits, colour_type, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    if transparent is not None:
        parts.insert(1, (b"tRNS", transparent))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


def tiff(tags: Mapping[int, tuple[int, ...]], samples: bytes) -> bytes:
    """A little-endian TIFF of one strip from its tags (all written as LONG), StripOffsets (273) filled in."""
    tags = {**tags, 273: (0,)}
    directory_bytes = 2 + 12 * len(tags) + 4
    arrays, entries = b"", b""
    arrays_at = 8 + directory_bytes
    samples_at = arrays_at + sum(4 * len(values) for values in tags.values() if len(values) > 1)
    tags[273] = (samples_at,)
    for tag, values in sorted(tags.items()):
        packed = struct.pack(f"<{len(values)}I", *values)
        if len(values) > 1:
            packed, arrays = struct.pack("<I", arrays_at + len(arrays)), arrays + packed
        entries += struct.pack("<HHI", tag, 4, len(values)) + packed
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + arrays + samples


def gray_tiff(bits: int, samples: bytes, size_px: tuple[int, int], photometric: int = 1) -> bytes:
    """A gray TIFF; photometric 1 means that 0 is black, 0 that 0 is white."""
    width, height = size_px
    return tiff(
        {
            256: (width,),
            257: (height,),
            258: (bits,),
            259: (1,),
            262: (photometric,),
            277: (1,),
            278: (height,),
            279: (len(samples),),
        },
        samples,
    )


def bmp(
    size_px: tuple[int, int], bits: int, body: bytes, *, compression: int = 0, palette: tuple[int, ...] = ()
) -> bytes:
    """A BMP with a 40-byte header; palette entries are 0x00RRGGBB."""
    colours = struct.pack(f"<{len(palette)}I", *palette)
    offset = 54 + len(colours)
    return (
        b"BM"
        + struct.pack("<IHHI", offset + len(body), 0, 0, offset)
        + struct.pack("<IiiHHIIiiII", 40, *size_px, 1, bits, compression, len(body), 0, 0, len(palette), 0)
        + colours
        + body
    )


def samples_of_every_kind() -> dict[str, bytes]:
    """One small valid file per kind of file that is decoded, by name."""
    rgb = photo()
    palette = rgb.convert("P")
    exif = Image.Exif()
    exif[0x0112] = 6
    return {
        "jpeg": encode(rgb, "JPEG", exif=exif),
        "progressive jpeg": encode(rgb, "JPEG", progressive=True),
        "cmyk jpeg": encode(rgb.convert("CMYK"), "JPEG"),
        "png": encode(rgb, "PNG", exif=exif),
        "palette png": encode(palette, "PNG", transparency=3),
        "16-bit png": encode(Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20)), "PNG"),
        "animated png": encode(rgb, "PNG", save_all=True, append_images=[rgb.rotate(90)]),
        "webp": encode(rgb, "WEBP", exif=exif),
        "lossless webp": encode(rgb.convert("RGBA"), "WEBP", lossless=True),
        "animated webp": encode(rgb, "WEBP", save_all=True, append_images=[rgb.rotate(90)]),
        "bmp": encode(rgb, "BMP"),
        "palette bmp": encode(palette, "BMP"),
        "gif": encode(palette, "GIF"),
        "animated gif": encode(palette, "GIF", save_all=True, append_images=[rgb.rotate(90).convert("P")]),
        "tiff": encode(rgb, "TIFF"),
        "lzw tiff": encode(rgb, "TIFF", compression="tiff_lzw"),
        "deflate tiff": encode(rgb, "TIFF", compression="tiff_adobe_deflate"),
        "jpeg tiff": encode(rgb, "TIFF", compression="jpeg"),
        "fax tiff": encode(rgb.convert("1"), "TIFF", compression="group4"),
    }
