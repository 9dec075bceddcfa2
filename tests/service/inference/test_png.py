from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from service.inference.png import encode_png


def decode(data: bytes) -> Image.Image:
    """Read the file with a decoder that checks every checksum."""
    with Image.open(BytesIO(data)) as check:
        check.verify()
    with Image.open(BytesIO(data)) as image:
        image.load()
        return image


@settings(deadline=None)
@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_gray_pixels_come_back(pixels: NDArray[np.uint8]) -> None:
    image = decode(encode_png(pixels))
    assert image.mode == "L"
    assert np.array_equal(np.asarray(image), pixels)


@settings(deadline=None)
@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3))))
def test_colours_come_back(pixels: NDArray[np.uint8]) -> None:
    image = decode(encode_png(pixels))
    assert image.mode == "RGB"
    assert np.array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize("shape", [(1, 3000), (3000, 1), (700, 900, 3)])
def test_long_and_large_pictures_come_back(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert np.array_equal(np.asarray(decode(encode_png(pixels))), pixels)


def test_a_plain_picture_becomes_a_small_file() -> None:
    assert len(encode_png(np.full((2000, 2000, 3), 255, np.uint8))) < 120_000
