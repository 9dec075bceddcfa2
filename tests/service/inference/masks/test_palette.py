from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from service.inference.masks.palette import OPACITY, class_colours, overlay_png
from service.inference.masks.winners import Mask
from tests.service.inference.pictures import photo, pixels

# The first colours of the PASCAL VOC segmentations, and that of their borders.
VOC = {
    0: (0, 0, 0),
    1: (128, 0, 0),
    2: (0, 128, 0),
    3: (128, 128, 0),
    8: (64, 0, 0),
    15: (192, 128, 128),
    255: (224, 224, 192),
}


@pytest.mark.parametrize(("index", "colour"), VOC.items())
def test_colours_are_those_of_pascal_voc(index: int, colour: tuple[int, int, int]) -> None:
    assert class_colours(256, background=True)[index].tolist() == list(colour)


@pytest.mark.parametrize("background", [True, False])
def test_no_two_classes_have_one_colour(background: bool) -> None:
    colours = class_colours(65536, background=background)
    assert len(np.unique(colours, axis=0)) == 65536
    assert np.all(colours[0] == 0) == background


def test_neighbouring_indices_are_told_apart() -> None:
    colours = class_colours(256, background=True).astype(int)
    assert np.abs(np.diff(colours, axis=0)).max(axis=1).min() >= 128


@pytest.mark.parametrize("number", [np.uint8, np.uint16])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_an_overlay_mixes_photo_and_colour_and_leaves_the_background(
    mode: str, number: type[np.uint8 | np.uint16]
) -> None:
    picture = photo().convert(mode)
    mask: Mask = np.zeros((40, 60), np.dtype(number))
    mask[:, 20:40], mask[:, 40:] = 1, 2
    image = Image.open(BytesIO(overlay_png(picture, mask, classes=200, background=True)))
    assert (image.format, image.mode, image.size, image.info) == ("PNG", "RGB", (60, 40), {})
    below = pixels(picture.convert("RGB"))
    assert np.array_equal(pixels(image)[:, :20], below[:, :20])
    mixed = (1 - OPACITY) * below + OPACITY * class_colours(3, background=True)[mask]
    assert pixels(image)[:, 20:] == pytest.approx(mixed[:, 20:], abs=1.5)


def test_without_a_background_class_0_has_a_colour_too() -> None:
    picture = Image.new("L", (3, 2), 100)
    mask = np.zeros((2, 3), np.uint8)
    image = Image.open(BytesIO(overlay_png(picture, mask, classes=2, background=False)))
    assert pixels(image)[0, 0].tolist() == pytest.approx([114, 50, 50], abs=1)
