"""Bounds on the work that a file may cause beyond its pixels: small files that would keep a decoder busy for minutes.

The figures were measured with Pillow 13 on pictures of 25 million pixels, the files a few kilobytes to megabytes.
"""

from typing import Any, Final

from PIL import ImageFile

from service.errors import BadImage, TooLarge

# Joined one by one at the cost of all before: 800 KB of them took 0.2 s, and four times that for twice as many.
_EXIF_PIECES_AT_MOST: Final = 100
# A pass over all coefficients each: 9 ms for 64 bytes of file. Encoders write about ten, libtiff allows 100 too.
_SCANS_AT_MOST: Final = 100
# Decoded in Python, byte by byte: 1.9 s for a file of one kilobyte.
_RUN_LENGTH_PIXELS_AT_MOST: Final = 1_000_000
# One set of strips per channel, of which there are six at most.
_STRIP_LAYERS_AT_MOST: Final = 8

_EXIF = b"Exif\0\0"
_START_OF_SCAN = b"\xff\xda"
# The segments before the first scan of a usual file: frame and table definitions, APP0 to APP15, comments.
_SEGMENTS_WITH_LENGTH = frozenset(
    bytes((0xFF, marker)) for marker in (0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE)
)
_TILE_WIDTH, _TILE_LENGTH = 322, 323


def check_jpeg_header(data: bytes) -> None:
    """Refuse a JPEG whose EXIF block comes in very many pieces; looks at the header alone, in about 2 µs.

    Raises:
        BadImage: It does.
    """
    at, pieces = 2, 0
    while (marker := data[at : at + 2]) in _SEGMENTS_WITH_LENGTH:
        pieces += data[at + 4 : at + 10] == _EXIF
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    if marker != _START_OF_SCAN:
        # Anything unusual between the segments: the decoder searches on for the next one, so everything counts.
        pieces = data.count(_EXIF)
    if pieces > _EXIF_PIECES_AT_MOST:
        raise BadImage(f"The JPEG picture has its EXIF block in {pieces} pieces, {_EXIF_PIECES_AT_MOST} are allowed.")


def check_opened(picture: ImageFile.ImageFile, data: bytes, max_pixels: int) -> None:
    """Refuse an opened picture whose decoding costs far more than its size promises.

    Raises:
        BadImage: A progressive JPEG with too many scans, or a TIFF whose strips overlap.
        TooLarge: A run-length encoded BMP, or the tiles of a TIFF, over their limit.
    """
    if picture.format == "JPEG":
        if "progressive" in picture.info and (scans := data.count(_START_OF_SCAN)) > _SCANS_AT_MOST:
            raise BadImage(f"The JPEG picture has {scans} scans, {_SCANS_AT_MOST} are allowed.")
    elif picture.format == "BMP":
        if picture.tile[0].codec_name == "bmp_rle" and picture.width * picture.height > _RUN_LENGTH_PIXELS_AT_MOST:
            raise TooLarge(
                f"The BMP picture is run-length encoded and has {picture.width}x{picture.height} pixels, more than "
                f"the {_RUN_LENGTH_PIXELS_AT_MOST} allowed in that encoding; send it uncompressed."
            )
    elif picture.format == "TIFF":
        _check_tiff(picture, max_pixels)


def _check_tiff(picture: ImageFile.ImageFile, max_pixels: int) -> None:
    tags: Any = getattr(picture, "tag_v2", {})
    tile_width, tile_length = tags.get(_TILE_WIDTH, 0), tags.get(_TILE_LENGTH, 0)
    if not (isinstance(tile_width, int) and isinstance(tile_length, int)):
        raise BadImage("The TIFF picture cannot be decoded: its tiles have no size.")
    if tile_width * tile_length > max_pixels:
        raise TooLarge(
            f"The TIFF picture has tiles of {tile_width}x{tile_length} pixels, more than the {max_pixels} allowed."
        )
    covered_px = 0
    for _, extents, _, _ in picture.tile:
        x0, y0, x1, y1 = extents or (0, 0, *picture.size)
        covered_px += (x1 - x0) * (y1 - y0)
    if covered_px > _STRIP_LAYERS_AT_MOST * picture.width * picture.height:
        raise BadImage("The TIFF picture cannot be decoded: its strips overlap.")
