"""Masks give back the ids that were written, in every form of PNG, and anything else is refused by name."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from export.data.class_list import ClassList, voc_colour
from export.data.mask_files import MaskReader
from export.errors import BadData

NAMES = ClassList(labels=("background", "cat", "dog"), colours=None)
COLOURED = ClassList(labels=NAMES.labels, colours=((0, 0, 0), (128, 0, 0), (10, 20, 30)))
BLACK_AND_WHITE = ClassList(labels=("ground", "road"), colours=((0, 0, 0), (255, 255, 255)))
IDS = np.array([[0, 1, 2], [2, 255, 0]], np.uint8)
VOC_PALETTE = [channel for index in range(256) for channel in voc_colour(index)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mask.png"


def palette_image(ids: NDArray[np.uint8], palette: list[int]) -> Image.Image:
    image = Image.fromarray(ids).convert("L")
    image.putpalette(palette)
    return image


@pytest.mark.parametrize("classes", [NAMES, COLOURED])
@pytest.mark.parametrize("form", ["L", "LA", "I;16", "P"])
def test_index_masks_hold_ids_as_they_are(file: Path, classes: ClassList, form: str) -> None:
    if form == "P":
        palette_image(IDS, [*VOC_PALETTE[:6], 10, 20, 30, *VOC_PALETTE[9:]]).save(file)
    elif form == "I;16":
        Image.fromarray(IDS.astype(np.uint16)).save(file)
    else:
        Image.fromarray(IDS).convert(form).save(file)
    mask = MaskReader(classes).read(file)
    assert mask.dtype == np.uint8
    assert mask.tolist() == IDS.tolist()


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_masks_of_few_bits_hold_ids_as_they_are(file: Path, bits: int) -> None:
    ids = np.array([[0, 1], [1, 0]], np.uint8)
    write_gray(file, ids, bits=bits)
    assert MaskReader(NAMES).read(file).tolist() == ids.tolist()
    palette_image(ids, [9, 9, 9, 7, 7, 7]).save(file, bits=bits)
    assert MaskReader(NAMES).read(file).tolist() == ids.tolist()


def write_gray(path: Path, samples: NDArray[np.uint8], *, bits: int) -> None:
    """A gray PNG of 1, 2 or 4 bits per sample, which Pillow reads but does not write."""
    palette_image(samples, [0] * 3 * 2**bits).save(path, bits=bits)
    content = bytearray(path.read_bytes())
    kind = 25
    content[kind] = 0
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4)
    start = content.index(b"PLTE") - 4
    del content[start : start + 12 + int.from_bytes(content[start : start + 4])]
    path.write_bytes(content)


@pytest.mark.parametrize("alpha", [False, True])
def test_colours_become_ids_and_vocs_white_is_ignored(file: Path, alpha: bool) -> None:
    assert COLOURED.colours is not None
    colours = np.array([*COLOURED.colours, voc_colour(255)], np.uint8)
    Image.fromarray(colours[np.minimum(IDS, 3)]).convert("RGBA" if alpha else "RGB").save(file)
    assert MaskReader(COLOURED).read(file).tolist() == IDS.tolist()


@pytest.mark.parametrize("mode", ["L", "1", "RGB"])
def test_where_the_listed_colours_are_gray_gray_masks_hold_them(file: Path, mode: str) -> None:
    Image.fromarray(np.array([[0, 255, 255]], np.uint8)).convert(mode).save(file)
    assert MaskReader(BLACK_AND_WHITE).read(file).tolist() == [[0, 1, 1]]


def test_values_can_stand_for_other_ids(file: Path) -> None:
    Image.fromarray(np.array([[1, 2, 3]], np.uint8)).save(file)
    assert MaskReader(NAMES, values={1: 1, 2: 0, 3: 2}).read(file).tolist() == [[1, 0, 2]]
    Image.fromarray(np.array([[1, 0, 3]], np.uint8)).save(file)
    with pytest.raises(BadData, match="has the value 0, which no class of 3 has"):
        MaskReader(NAMES, values={1: 1, 2: 0, 3: 2}).read(file)


@pytest.mark.parametrize(
    ("classes", "pixels", "complaint"),
    [
        (NAMES, np.array([[0, 3, 254]], np.uint8), "has the values 3, 254, which no class of 3 has"),
        (NAMES, np.array([[0, 300, 65535]], np.uint16), "has the values 300, 65535, which no class of 3 has"),
        (NAMES, np.arange(10, dtype=np.uint8)[None], "has the values 3, 4, 5, 6, 7 and 2 more, which no class"),
        (BLACK_AND_WHITE, np.array([[0, 1]], np.uint8), "has the value 1, which no class of 2 has"),
        (NAMES, np.zeros((1, 2, 3), np.uint8), "is a colour mask, but the class list has no colours"),
        (
            COLOURED,
            np.array([[[0, 0, 0], [10, 20, 31], [255, 0, 9]]], np.uint8),
            "has colours that are not in the class list: 10 20 31, 255 0 9",
        ),
        (COLOURED, np.full((1, 1, 4), 128, np.uint8), "has transparent pixels"),
    ],
)
def test_values_of_no_class_are_named(file: Path, classes: ClassList, pixels: Any, complaint: str) -> None:
    Image.fromarray(pixels).save(file)
    with pytest.raises(BadData) as caught:
        MaskReader(classes).read(file)
    assert str(caught.value).startswith(str(file))
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("reader", "cure"),
    [
        (
            MaskReader(NAMES),
            "the class list has no colours: write red, green and blue behind each name, as in 'cat 128 0 0'",
        ),
        (MaskReader(NAMES, values={1: 1, 2: 0, 3: 2}), "only the values 1, 2, 3 have a meaning"),
    ],
)
def test_of_a_colour_mask_without_colours_it_is_said_what_there_should_be(
    file: Path, reader: MaskReader, cure: str
) -> None:
    Image.new("RGB", (3, 2)).save(file)
    with pytest.raises(BadData) as caught:
        reader.read(file)
    assert str(caught.value) == f"{file} is a colour mask, but {cure}."


@pytest.mark.parametrize(
    ("colour_type", "channels", "form"), [(2, 3, "RGB"), (4, 2, "gray with alpha"), (6, 4, "RGB with alpha")]
)
def test_sixteen_bits_are_for_gray_alone(file: Path, colour_type: int, channels: int, form: str) -> None:
    write_16_bits(file, np.full((2, 3, channels), 65535, np.uint16), colour_type)
    with pytest.raises(BadData) as caught:
        MaskReader(COLOURED).read(file)
    assert str(caught.value) == (
        f"{file} has 16 bits per channel in {form}, which masks may have in gray alone: save it with 8."
    )
    write_16_bits(file, IDS.astype(np.uint16), 0)
    assert MaskReader(COLOURED).read(file).tolist() == IDS.tolist()


def write_16_bits(path: Path, samples: NDArray[np.uint16], colour_type: int) -> None:
    """A PNG of (H, W) or (H, W, C) samples, in forms that Pillow reads but does not write."""
    height, width = samples.shape[:2]
    header = width.to_bytes(4) + height.to_bytes(4) + bytes((16, colour_type, 0, 0, 0))
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4) for kind, body in chunks)
    )


def test_a_palette_in_another_order_than_the_class_list_is_refused(file: Path) -> None:
    palette_image(np.array([[0, 1, 2]], np.uint8), [0, 0, 0, 10, 20, 30, 128, 0, 0]).save(file)
    assert MaskReader(NAMES).read(file).tolist() == [[0, 1, 2]]
    with pytest.raises(BadData, match="shows its index 1 in the colour of class 2"):
        MaskReader(COLOURED).read(file)


def test_a_mask_that_is_no_png_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mask.jpg"
    Image.fromarray(IDS).save(file)
    with pytest.raises(BadData, match=r"mask\.jpg is not a PNG file"):
        MaskReader(NAMES).read(file)


@pytest.mark.parametrize("cut", [20, 45, -40])
def test_a_damaged_mask_is_refused(file: Path, cut: int) -> None:
    Image.fromarray(np.arange(100, dtype=np.uint8).reshape(10, 10)).save(file)
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(BadData, match=r"mask\.png cannot be decoded: it is damaged or incomplete"):
        MaskReader(NAMES).read(file)


def test_a_mask_of_too_many_pixels_is_refused_before_it_is_decoded(file: Path) -> None:
    Image.fromarray(IDS).save(file)
    content = bytearray(file.read_bytes())
    content[16:24] = (50_000).to_bytes(4) * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4)
    file.write_bytes(content)
    with pytest.raises(BadData, match="has 50000x50000 pixels, more than the"):
        MaskReader(NAMES).read(file)
