import resource
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.errors import InvalidParameter
from service.inference.preprocess import preprocess
from service.repository.artifact import Preprocessing
from tests.service.inference.pictures import photo


def spec(height: int | None = 28, width: int | None = 28, **options: Any) -> Preprocessing:
    return Preprocessing.model_validate(
        {"height": height, "width": width, "resize": "stretch", "colour": "gray"} | options
    )


def weights(inputs: int, outputs: int, *, antialias: bool) -> NDArray[np.float64]:
    """The matrix (outputs, inputs) of linear interpolation, worked out here a second time."""
    scale = inputs / outputs
    reach = max(1.0, scale) if antialias else 1.0
    centres = (np.arange(outputs) + 0.5) * scale
    distance = np.abs(np.arange(inputs) + 0.5 - centres[:, None]) / reach
    matrix = np.maximum(0.0, 1.0 - distance)
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True))


def gray_photo(width: int, height: int) -> Image.Image:
    return photo(width, height).convert("L")


@pytest.mark.parametrize("size_px", [(28, 28), (56, 40), (97, 131), (13, 7), (1, 1), (1, 300)])
@pytest.mark.parametrize("antialias", [True, False])
def test_stretching_interpolates_linearly(size_px: tuple[int, int], antialias: bool) -> None:
    picture = gray_photo(*size_px)
    down = weights(size_px[1], 28, antialias=antialias)
    across = weights(size_px[0], 20, antialias=antialias)
    expected = down @ np.asarray(picture, np.float64) @ across.T
    result = preprocess(picture, spec(28, 20, antialias=antialias))
    assert result.shape == (28, 20, 1)
    assert np.abs(result[:, :, 0] - expected).max() <= 1.5


def test_without_antialias_shrinking_looks_at_single_points() -> None:
    stripes = Image.fromarray(np.tile(np.array([0, 0, 255, 255], np.uint8), (112, 28)))
    averaged = preprocess(stripes, spec())
    pointed = preprocess(stripes, spec(antialias=False, interpolation="nearest"))
    assert set(np.unique(pointed)) == {255}
    assert set(np.unique(averaged[:, 2:-2])) <= {127, 128}


def test_nearest_repeats_pixels() -> None:
    picture = Image.fromarray(np.array([[1, 2], [3, 4]], np.uint8))
    result = preprocess(picture, spec(4, 4, interpolation="nearest"))
    assert result[:, :, 0].tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_every_interpolation_keeps_a_plain_picture(interpolation: str) -> None:
    result = preprocess(Image.new("RGB", (50, 40), (9, 99, 199)), spec(colour="rgb", interpolation=interpolation))
    assert np.array_equal(np.unique(result.reshape(-1, 3), axis=0), [(9, 99, 199)])


def test_a_picture_that_fits_passes_unchanged() -> None:
    picture = gray_photo(28, 28)
    result = preprocess(picture, spec())
    assert np.array_equal(result[:, :, 0], np.asarray(picture))


@pytest.mark.parametrize("options", [{}, {"resize": "crop", "shortest_edge": 32}, {"resize": "pad"}])
@pytest.mark.parametrize(("colour", "channels"), [("gray", 1), ("rgb", 3)])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_the_result_is_contiguous_bytes_in_rows_columns_channels(
    options: dict[str, Any], colour: str, channels: int, mode: str
) -> None:
    result = preprocess(photo(45, 33).convert(mode), spec(28, 24, colour=colour, **options))
    assert result.shape == (28, 24, channels)
    assert result.dtype == np.uint8
    assert result.flags.c_contiguous


@pytest.mark.parametrize("size_px", [(500, 375), (375, 500), (300, 256), (64, 48), (1000, 30)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_crop_is_cut_from_the_scaled_picture(size_px: tuple[int, int], interpolation: str) -> None:
    picture = photo(*size_px)
    width, height = size_px
    scaled = (64, 64 * height // width) if width < height else (64 * width // height, 64)
    whole = picture.resize(scaled, Image.Resampling[interpolation.upper()])
    left, top = round((scaled[0] - 56) / 2), round((scaled[1] - 56) / 2)
    expected = np.asarray(whole.crop((left, top, left + 56, top + 56))).astype(int)
    result = preprocess(
        picture, spec(56, 56, resize="crop", shortest_edge=64, colour="rgb", interpolation=interpolation)
    )
    assert np.abs(result - expected).max() <= 1
    assert (result != expected).mean() < 0.01


@pytest.mark.parametrize("antialias", [True, False])
def test_a_crop_of_an_extremely_long_picture_takes_little_memory(antialias: bool) -> None:
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    long = Image.new("RGB", (1, 10_000), (10, 20, 30))
    result = preprocess(long, spec(224, 224, resize="crop", shortest_edge=256, colour="rgb", antialias=antialias))
    assert np.all(result == (10, 20, 30))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 100_000


@pytest.mark.parametrize(("polarity", "background"), [(None, 0), ("light-on-dark", 0), ("dark-on-light", 255)])
def test_padding_has_the_background_that_the_network_knows(polarity: str | None, background: int) -> None:
    result = preprocess(Image.new("L", (40, 20), 77), spec(28, 28, resize="pad", shortest_edge=20, polarity=polarity))
    assert np.all(result[9:19, 4:24] == 77)
    result = result.copy()
    result[9:19, 4:24] = background
    assert np.all(result == background)


def test_colours_become_gray_by_their_luma() -> None:
    # ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B.
    colours = Image.fromarray(np.array([[(255, 0, 0), (0, 255, 0), (0, 0, 255), (10, 200, 30)]], np.uint8))
    assert preprocess(colours, spec(1, 4)).ravel().tolist() == [76, 150, 29, 124]


def test_gray_becomes_three_equal_channels() -> None:
    result = preprocess(gray_photo(28, 28), spec(colour="rgb"))
    assert np.array_equal(result[:, :, 0], np.asarray(gray_photo(28, 28)))
    assert np.array_equal(result[:, :, 0], result[:, :, 1])
    assert np.array_equal(result[:, :, 0], result[:, :, 2])


@pytest.mark.parametrize("seen", ["light-on-dark", "dark-on-light"])
@pytest.mark.parametrize("sent", ["light-on-dark", "dark-on-light", "auto", None])
def test_a_picture_of_the_other_polarity_is_inverted(seen: str, sent: Any) -> None:
    strokes = np.zeros((28, 28), np.uint8)
    strokes[4:24, 13:16] = 240
    if sent == "dark-on-light":
        strokes = np.invert(strokes)
    result = preprocess(Image.fromarray(strokes), spec(polarity=seen), polarity=sent)[:, :, 0]
    shown = "light-on-dark" if sent in ("auto", None) else sent
    inverted = sent is not None and shown != seen
    assert np.array_equal(result, np.invert(strokes) if inverted else strokes)


def test_a_picture_is_inverted_before_it_is_padded() -> None:
    paper = np.full((20, 20), 250, np.uint8)
    paper[3:17, 9:11] = 10
    result = preprocess(
        Image.fromarray(paper),
        spec(28, 28, resize="pad", shortest_edge=20, polarity="light-on-dark"),
        polarity="auto",
    )[:, :, 0]
    assert np.all(result[:4] == 0)
    assert result[5, 5] == 0  # the paper's own gray is ground, not ink
    assert result[10, 13] == 245


@pytest.mark.parametrize("sent", ["light-on-dark", "dark-on-light", "auto"])
def test_a_polarity_for_a_network_without_one_is_refused(sent: Any) -> None:
    with pytest.raises(InvalidParameter, match=r"^This model has no polarity: it takes pictures as they are\.$"):
        preprocess(gray_photo(28, 28), spec(), polarity=sent)


def test_any_size_passes_where_the_graph_takes_any() -> None:
    picture = photo(31, 17)
    result = preprocess(picture, spec(None, None, resize="none", colour="rgb"))
    assert np.array_equal(result, np.asarray(picture))
