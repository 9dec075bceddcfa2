"""Reads a PNG mask: the class ids, or the colours that stand for them, exactly as the file holds them."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL.PngImagePlugin import PngImageFile

from export.data.class_list import ClassList, voc_colour
from export.errors import BadData
from export.recipes.recipe import IGNORED
from service.inference.formats import sniff
from service.inference.image import PIXELS_AT_MOST

# Pillow spreads gray samples of fewer bits over 0 to 255.
_SPREAD = {"L;2": 85, "L;4": 17}
# Samples of 16 bits are decoded whole in gray alone; of the others Pillow keeps the upper half.
# Keys are bit depth and colour type as in the file's header.
_CUT_FORMS = {b"\x10\x02": "RGB", b"\x10\x04": "gray with alpha", b"\x10\x06": "RGB with alpha"}
_FORM_AT = slice(24, 26)
_UNKNOWN = 256
_VALUES_NAMED = 5


class MaskReader:
    """Reads masks of one dataset.

    - Palette and gray masks hold ids, of 1 to 16 bits; what their palette shows is of no account, unless it shows
      the listed colours in another order, which is refused.
    - Where every listed colour is gray, a gray mask holds those instead, as in `road 255 255 255`.
    - RGB masks hold the listed colours, in 8 bits each.
    - IGNORED stands for itself, and so does VOC's colour of that id, unless they are listed as a class's.
    """

    def __init__(self, classes: ClassList, *, values: dict[int, int] | None = None) -> None:
        """`values` gives the class id for each value of an index mask where they are not the same."""
        self._labels = classes.labels
        self._values = _table(values or {IGNORED: IGNORED, **{index: index for index in range(len(self._labels))}})
        colours = dict(zip(classes.colours or (), range(len(self._labels)), strict=False))
        gray = bool(colours) and all(red == green == blue for red, green, blue in colours)
        self._gray_levels = _table({IGNORED: IGNORED, **{red: index for (red, _, _), index in colours.items()}})
        self._gray = gray
        self._coloured = bool(colours)
        self._cure = (
            f"only the values {', '.join(map(str, values))} have a meaning"
            if values
            else "the class list has no colours: write red, green and blue behind each name, as in "
            f"'{self._labels[1]} 128 0 0'"
        )
        ids = {voc_colour(IGNORED): IGNORED, **colours}
        self._ids = dict(sorted((_pack(colour), index) for colour, index in ids.items()))

    def read(self, path: Path) -> NDArray[np.uint8]:
        """The mask in a file, (H, W): a class id per pixel, or IGNORED.

        Raises:
            BadData: it is no PNG, cannot be decoded, or holds what is of no class; the sentence names it.
        """
        png, sample_depth = _decode(path)
        if png.mode == "P":
            return self._from_palette(path, png)
        if png.mode in ("LA", "RGBA") and png.getextrema()[-1] != (255, 255):
            raise BadData(f"{path} has transparent pixels, of which nothing says what class they are.")
        if png.mode in ("RGB", "RGBA"):
            return self._from_colours(path, np.asarray(png)[..., :3])
        if png.mode == "1":
            return self._from_gray(path, np.asarray(png.convert("L")), 255)
        samples = np.asarray(png.getchannel(0) if png.mode == "LA" else png)
        return self._from_gray(path, samples, _SPREAD.get(sample_depth, 1))

    def _from_gray(self, path: Path, samples: NDArray[np.uint8], spread: int) -> NDArray[np.uint8]:
        """`spread` is what the decoder multiplied the file's own values by."""
        if self._gray:
            return self._look_up(path, samples, self._gray_levels)
        return self._look_up(path, samples // samples.dtype.type(spread), self._values)

    def _from_palette(self, path: Path, png: PngImageFile) -> NDArray[np.uint8]:
        indices = np.asarray(png)
        ids = self._look_up(path, indices, self._values)
        palette = png.getpalette("RGB") or []
        for index in np.unique(indices).tolist() if self._coloured else ():
            colour, held = palette[3 * index : 3 * index + 3], int(self._values[index])
            shown = self._ids.get(_pack(colour), held) if colour else held
            if shown != held:
                raise BadData(
                    f"{path} shows its index {index} in the colour of class {shown}: the order of its palette is not "
                    "that of the class list; save it as RGB."
                )
        return ids

    def _from_colours(self, path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if not self._coloured:
            raise BadData(f"{path} is a colour mask, but {self._cure}.")
        packed = pixels[..., 0].astype(np.int32) << 16 | pixels[..., 1].astype(np.int32) << 8 | pixels[..., 2]
        known = np.fromiter(self._ids, np.int32)
        places = np.minimum(np.searchsorted(known, packed), len(known) - 1)
        strange = np.unique(packed[known[places] != packed])
        if len(strange):
            named = [f"{value >> 16} {value >> 8 & 255} {value & 255}" for value in strange[:_VALUES_NAMED].tolist()]
            raise BadData(f"{path} has colours that are not in the class list: {_enumerate(named, len(strange))}.")
        return np.fromiter(self._ids.values(), np.uint8)[places]

    def _look_up(
        self, path: Path, samples: NDArray[np.uint8] | NDArray[np.uint16], table: NDArray[np.uint16]
    ) -> NDArray[np.uint8]:
        ids = table[samples]
        strange = np.unique(samples[ids == _UNKNOWN])
        if len(strange):
            named = [str(value) for value in strange[:_VALUES_NAMED].tolist()]
            noun = "value" if len(strange) == 1 else "values"
            raise BadData(
                f"{path} has the {noun} {_enumerate(named, len(strange))}, which no class of {len(self._labels)} has."
            )
        return ids.astype(np.uint8)


def _decode(path: Path) -> tuple[PngImageFile, str]:
    """The loaded file, and how its samples lie in it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadData(f"{path}: {error.strerror}.") from None
    if sniff(data) != "png":
        raise BadData(f"{path} is not a PNG file, which a mask has to be to keep its values.")
    form = _CUT_FORMS.get(data[_FORM_AT])
    if form is not None:
        raise BadData(f"{path} has 16 bits per channel in {form}, which masks may have in gray alone: save it with 8.")
    try:
        png = PngImageFile(BytesIO(data))
        if png.width * png.height <= PIXELS_AT_MOST:
            sample_depth = str(png.tile[0].args)
            png.load()
            return png, sample_depth
    except Exception:
        # Hostile bytes reach every corner of a decoder: whatever it raises, the file is what is wrong.
        raise BadData(f"{path} cannot be decoded: it is damaged or incomplete.") from None
    raise BadData(f"{path} has {png.width}x{png.height} pixels, more than the {PIXELS_AT_MOST} allowed.")


def _table(values: dict[int, int]) -> NDArray[np.uint16]:
    """Class id for each value of up to 16 bits, _UNKNOWN where there is none."""
    table = np.full(2**16, _UNKNOWN, np.uint16)
    for value, index in values.items():
        table[value] = index
    return table


def _pack(colour: Sequence[int]) -> int:
    """Red, green and blue, 8 bits each, as one number."""
    return int.from_bytes(bytes(colour))


def _enumerate(named: list[str], count: int) -> str:
    return ", ".join(named) + (f" and {count - len(named)} more" if count > len(named) else "")
