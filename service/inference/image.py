"""Decodes the bytes of a picture into an upright gray or RGB image, and refuses everything else in one sentence.

What the picture is made of is settled here once, so that nothing behind it has to ask:
- transparent pixels are laid over white: a drawing on a transparent ground is a drawing on paper;
- 16-bit samples keep their high byte; signed, 32-bit and floating-point samples are refused, as nothing says
  which of their values is white;
- CMYK is taken as Adobe writes it into JPEG files, inverted, which every decoder assumes; colour profiles are
  ignored;
- of animations, pages and bursts the first picture is taken.
"""

import logging
import warnings
from collections.abc import Callable
from io import BytesIO
from typing import Any, Final, TypeVar

import numpy as np
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from service.errors import BadImage, ConvoyError, TooLarge, UnsupportedMedia
from service.inference.bounds import check_jpeg_header, check_opened
from service.inference.formats import SUPPORTED, Format, gif_size_px, refused_format, sniff, webp_size_px
from service.inference.orientation import upright

# Pillow warns above this many pixels and raises above twice as many. The limit of a request never passes it, so
# that neither happens, and Pillow's own limit, which belongs to the whole process, stays as it is.
PIXELS_AT_MOST: Final = 89_478_485

# A PNG states its transparent colour in its own bit depth; Pillow leaves it there and widens only the pixels.
_TRANSPARENCY_SCALES: Final[dict[Any, Callable[[Any], Any]]] = {
    "L;2": lambda level: level * 85,
    "L;4": lambda level: level * 17,
    "RGB;16B": lambda colour: tuple(level >> 8 for level in colour),
}

_TIFF_PHOTOMETRIC = 262
_TIFF_BITS_PER_SAMPLE = 258
_WHITE_IS_ZERO = 0


class _Jpeg(JpegImageFile):
    """Pillow's decoder without its search for a resolution, which reads all EXIF tags and warns about bad ones.

    Taking this class and not Pillow's factory also makes a phone's multi-picture file its first picture.
    """

    def _read_dpi_from_exif(self) -> None:
        pass


# The classes themselves instead of Image.open: only these decoders can run, and each only on its own signature.
_DECODERS: Final[dict[Format, type[ImageFile.ImageFile]]] = {
    "jpeg": _Jpeg,
    "png": PngImageFile,
    "webp": WebPImageFile,
    "bmp": BmpImageFile,
    "gif": GifImageFile,
    "tiff": TiffImageFile,
}
_NAMES: Final[dict[Format, str]] = {
    "jpeg": "JPEG",
    "png": "PNG",
    "webp": "WebP",
    "bmp": "BMP",
    "gif": "GIF",
    "tiff": "TIFF",
}

_Taken = TypeVar("_Taken")


def decode_image(data: bytes | memoryview, *, max_pixels: int) -> Image.Image:
    """Decode one picture.

    Args:
        data: The bytes of a file of a supported format.
        max_pixels: The most pixels (width x height) that are decoded; checked on the header, before any pixel
            is. Never more than PIXELS_AT_MOST count.

    Returns:
        The picture upright (EXIF orientation applied), loaded, in mode "L" if its format says that it is gray
        and "RGB" otherwise.

    Raises:
        BadImage: It is empty, not a picture, damaged, or its samples have no defined white.
        UnsupportedMedia: It is in a known format that is not decoded.
        TooLarge: It has more pixels than allowed.
    """
    return _from_opened(data, max_pixels, _flatten)


def size_of(data: bytes | memoryview, *, max_pixels: int) -> tuple[int, int]:
    """Width and height in pixels by the header, before EXIF orientation; raises as `decode_image`."""
    return _from_opened(data, max_pixels, lambda picture, _: picture.size)


def _from_opened(
    data: bytes | memoryview, max_pixels: int, take: Callable[[ImageFile.ImageFile, Format], _Taken]
) -> _Taken:
    """What `take` makes of a picture whose header has been read and checked."""
    kind = sniff(data)
    if kind is None:
        raise _refusal(data)
    limit = min(max_pixels, PIXELS_AT_MOST)
    data = bytes(data)  # the same object where it is bytes already
    try:
        if kind == "jpeg":
            check_jpeg_header(data)
        if kind in ("webp", "gif"):
            # These two act on the size while they are opened.
            size = webp_size_px(data) if kind == "webp" else gif_size_px(data)
            if size is None:
                raise ValueError("no size")
            _check_size(size, limit)
        picture = _DECODERS[kind](BytesIO(data))
        _check_size(picture.size, limit)
        check_opened(picture, data, limit)
        return take(picture, kind)
    except (ConvoyError, MemoryError):
        raise
    except Exception:
        # Hostile bytes reach every corner of a decoder: whatever it raises, the picture is what is wrong.
        raise BadImage(f"The {_NAMES[kind]} picture cannot be decoded: it is damaged or incomplete.") from None


def quiet_pillow() -> None:
    """Keep Pillow's remarks on damaged TIFF tags and animations out of the log; for a process, once, at its start."""
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    logging.getLogger("PIL").setLevel(logging.CRITICAL)


def _refusal(data: bytes | memoryview) -> ConvoyError:
    """Why these bytes are not decoded, when their signature is of no supported format."""
    if not len(data):
        return BadImage("The picture is empty: it has 0 bytes.")
    name = refused_format(data)
    if name is not None:
        return UnsupportedMedia(f"{name} is not supported; send {SUPPORTED}.")
    return BadImage(f"This is not a picture that can be decoded; send {SUPPORTED}.")


def _check_size(size_px: tuple[int, int], max_pixels: int) -> None:
    width, height = size_px
    if width * height > max_pixels:
        raise TooLarge(
            f"The picture has {width}x{height} = {width * height} pixels, more than the {max_pixels} allowed."
        )


def _flatten(picture: ImageFile.ImageFile, kind: Format) -> Image.Image:
    """The opened file as a loaded, upright, opaque image in mode "L" or "RGB"."""
    sample_depth = picture.tile[0].args if kind == "png" else None
    picture.load()
    mode, info = picture.mode, picture.info
    image: Image.Image
    if mode in ("L", "RGB") and "transparency" not in info:
        image = picture
    elif mode.startswith("I;16"):
        image = _sixteen_bit(picture)
    elif mode in ("I", "F"):
        raise BadImage(
            f"The {_NAMES[kind]} picture has signed, 32-bit or floating-point samples, where no value is known "
            "to be white; send 8 or unsigned 16 bits per sample."
        )
    else:
        if sample_depth in _TRANSPARENCY_SCALES and "transparency" in info:
            info["transparency"] = _TRANSPARENCY_SCALES[sample_depth](info["transparency"])
        image = _opaque(picture, alpha_may_be_unset=kind == "bmp")
    # Pillow turns TIFF pictures itself while it loads them.
    exif = info.get("exif") if kind != "tiff" else None
    return upright(image, exif) if isinstance(exif, bytes) else image


def _sixteen_bit(picture: ImageFile.ImageFile) -> Image.Image:
    """An I;16 image as "L", by the high byte of its 16 (in some TIFF files 12) bits."""
    samples = np.asarray(picture)
    tags: Any = getattr(picture, "tag_v2", {})
    shift = 4 if tags.get(_TIFF_BITS_PER_SAMPLE) == (12,) else 8
    gray = (samples >> shift).astype(np.uint8)
    if tags.get(_TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO:
        np.invert(gray, out=gray)
    transparent = picture.info.get("transparency")
    if isinstance(transparent, int):
        gray[samples == transparent] = 255
    return Image.fromarray(gray)


def _opaque(picture: Image.Image, *, alpha_may_be_unset: bool) -> Image.Image:
    """An image of any 8-bit mode as "L" or "RGB", transparency laid over white."""
    mode = picture.mode
    if mode in ("P", "PA"):
        palette = picture.getpalette("RGB") or []
        gray = palette[0::3] == palette[1::3] == palette[2::3]
    else:
        gray = mode in ("1", "L", "LA", "La")
    flat_mode = "L" if gray else "RGB"
    if not picture.has_transparency_data:
        return picture.convert(flat_mode)
    if mode == "La":
        picture = picture.convert("LA")
    elif mode not in ("LA", "RGBA"):
        picture = picture.convert("LA" if mode in ("1", "L") else "RGBA")
    if alpha_may_be_unset and picture.getextrema()[-1] == (0, 0):
        # Many programs leave the fourth byte of a 32-bit BMP at 0 and mean opaque.
        return picture.convert(flat_mode)
    paper = Image.new(flat_mode, picture.size, "white")
    paper.paste(picture, mask=picture)
    return paper
