from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.inference.colours import heat_colours
from service.inference.heatmap import heatmap_png, normalise_map, overlay_png
from tests.service.inference.pictures import photo, pixels


def decode(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def test_a_map_is_cut_at_zero_and_divided_by_its_maximum() -> None:
    raw = np.array([[-3.0, 0.0], [2.0, 8.0]], np.float32)
    assert normalise_map(raw).tolist() == [[0.0, 0.0], [0.25, 1.0]]
    assert raw.tolist() == [[-3.0, 0.0], [2.0, 8.0]]


@pytest.mark.parametrize("raw", [np.zeros((3, 3), np.float32), np.full((3, 3), -5, np.float32)])
def test_a_map_in_which_nothing_speaks_for_the_class_is_zero(raw: NDArray[np.float32]) -> None:
    assert np.all(normalise_map(raw) == 0)


def test_the_tiniest_map_reaches_one() -> None:
    assert normalise_map(np.array([[1e-40, 0]], np.float32)).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("size_px", [(28, 28), (1, 1), (60, 40)])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_an_overlay_has_the_size_of_its_picture_and_colours(size_px: tuple[int, int], mode: str) -> None:
    image = decode(overlay_png(photo(*size_px).convert(mode), np.ones(size_px[::-1], np.float32)))
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", size_px)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_the_picture_stays_where_the_map_is_zero(mode: str) -> None:
    picture = photo().convert(mode)
    heat = np.zeros((40, 60), np.float32)
    heat[:, 30:] = 1
    result = pixels(decode(overlay_png(picture, heat)))
    assert np.array_equal(result[:, :30], pixels(picture.convert("RGB"))[:, :30])
    assert np.abs(result[:, 30:] - pixels(picture.convert("RGB"))[:, 30:]).mean() > 20


def test_opacity_grows_with_the_map_to_seven_tenths() -> None:
    heat = np.array([[0.0, 0.5, 1.0]], np.float32)
    result = pixels(decode(overlay_png(Image.new("L", (3, 1), 0), heat)))[0]
    colours = heat_colours().astype(float)
    expected = [np.zeros(3), 0.35 * colours[128], 0.7 * colours[255]]
    assert result == pytest.approx(np.array(expected), abs=1.5)


def test_the_maximum_shows_on_black_and_on_white() -> None:
    heat = np.array([[0.0, 1.0]], np.float32)
    for ground in (0, 255):
        result = pixels(decode(overlay_png(Image.new("L", (2, 1), ground), heat)))[0]
        assert np.abs(result[1] - result[0]).max() > 60


def test_a_heatmap_is_gray_from_black_to_white() -> None:
    heat = np.array([[0.0, 0.25, 0.5, 1.0], [1.0, 0.0, 0.001, 0.999]], np.float32)
    image = decode(heatmap_png(heat))
    assert (image.format, image.mode, image.size) == ("PNG", "L", (4, 2))
    assert pixels(image).tolist() == [[0, 64, 128, 255], [255, 0, 0, 255]]
