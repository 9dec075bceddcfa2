from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from service.inference.masks.palette import class_colours
from service.inference.masks.png import colour_png, index_png
from service.inference.masks.winners import Mask
from tests.service.inference.masks.sample_masks import SHAPES, blobs

MASKS = SHAPES | {
    "blobs": blobs(375, 500, classes=21),
    "rows wider than a band": np.arange(70_000, dtype=np.uint32).reshape(1, -1).repeat(3, axis=0).astype(np.uint8),
    "1000 classes": np.random.default_rng(0).integers(0, 1000, (120, 77), dtype=np.uint16),
    "largest indices": np.array([[0, 65535, 256, 255]], np.uint16),
}


def decode(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_gray_values_are_the_class_indices(mask: Mask) -> None:
    image = decode(index_png(mask))
    assert (image.format, image.size) == ("PNG", mask.shape[::-1])
    assert image.mode == ("L" if mask.dtype == np.uint8 else "I;16")
    assert np.array_equal(np.asarray(image), mask)
    assert image.info == {}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_colours_are_those_of_the_palette(mask: Mask) -> None:
    colours = class_colours(int(mask.max()) + 1, background=True)
    image = decode(colour_png(mask, colours))
    assert image.mode == ("P" if mask.dtype == np.uint8 else "RGB")
    assert np.array_equal(np.asarray(image.convert("RGB")), colours[mask])
    if mask.dtype == np.uint8:
        assert np.array_equal(np.asarray(image), mask)
    assert "transparency" not in image.info


def test_a_mask_of_blobs_is_smaller_than_by_pillow() -> None:
    mask = MASKS["blobs"]
    by_pillow = BytesIO()
    Image.fromarray(mask).save(by_pillow, "PNG")
    assert len(index_png(mask)) < by_pillow.tell()
