import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from service.inference.polarity import guess_polarity, turn_round
from service.repository.artifact import Polarity


def drawing(rng: np.random.Generator, size_px: int = 240) -> NDArray[np.float32]:
    """Strokes like a handwritten digit's as 1 on 0, of any thickness, somewhere on a sheet."""
    sheet = Image.new("L", (size_px, size_px))
    extent = rng.uniform(0.2, 0.9) * size_px
    left, top = rng.uniform(0, size_px - extent, 2)
    corners = [(left + extent * x, top + extent * y) for x, y in rng.uniform(0, 1, (4, 2))]
    ImageDraw.Draw(sheet).line(corners, fill=255, width=max(3, int(extent * rng.uniform(0.06, 0.16))), joint="curve")
    return np.asarray(sheet, np.float32) / np.float32(255)


def photograph(
    rng: np.random.Generator, strokes: float, ground: float, *, falloff: float, shadow: float
) -> NDArray[np.uint8]:
    """A drawing in these brightnesses under uneven light, as a network of 28x28 sees it: (28, 28, 1)."""
    shape = drawing(rng)
    y, x = np.mgrid[0:1:240j, 0:1:240j] - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * x + np.sin(angle) * y
    light = 1 - falloff * (along + 0.5)
    light[along > rng.uniform(-0.3, 0.3)] *= 1 - shadow
    scene = light * (ground + (strokes - ground) * shape) + rng.normal(0, 6, shape.shape)
    picture = Image.fromarray(scene.clip(0, 255).astype(np.uint8)).resize((28, 28), Image.Resampling.BILINEAR)
    return np.asarray(picture)[:, :, None]


@pytest.mark.parametrize(
    ("falloff", "shadow", "right_of_100"),
    [(0.0, 0.0, 99), (0.6, 0.0, 99), (0.0, 0.5, 93)],
    ids=["even light", "falloff", "hard shadow"],
)
@pytest.mark.parametrize(
    ("strokes", "ground", "polarity"),
    [(50, 220, "dark-on-light"), (30, 140, "dark-on-light"), (220, 40, "light-on-dark"), (150, 60, "light-on-dark")],
    ids=["ink on paper", "ink on gray paper", "chalk on a board", "faint chalk"],
)
def test_photographs_of_strokes_are_told_apart(
    strokes: float, ground: float, polarity: Polarity, falloff: float, shadow: float, right_of_100: int
) -> None:
    rng = np.random.default_rng(1)
    guesses = [guess_polarity(photograph(rng, strokes, ground, falloff=falloff, shadow=shadow)) for _ in range(100)]
    assert guesses.count(polarity) >= right_of_100


@pytest.mark.parametrize("polarity", ["light-on-dark", "dark-on-light"])
def test_strokes_that_touch_the_frame_are_told_apart(polarity: str) -> None:
    pixels = np.zeros((28, 28, 1), np.uint8)
    pixels[:, 12:16] = 255
    pixels[4:8] = 255
    assert guess_polarity(pixels if polarity == "light-on-dark" else np.invert(pixels)) == polarity


def test_a_colour_picture_is_judged_by_its_mean() -> None:
    pixels = np.full((28, 28, 3), (250, 240, 200), np.uint8)
    pixels[5:20, 13:15] = (20, 20, 160)
    assert guess_polarity(pixels) == "dark-on-light"


@pytest.mark.parametrize(("level", "polarity"), [(0, "light-on-dark"), (127, "light-on-dark"), (128, "dark-on-light")])
def test_a_picture_without_contrast_counts_by_its_brightness(level: int, polarity: str) -> None:
    for shape in ((28, 28, 1), (1, 1, 3), (2, 50, 1)):
        assert guess_polarity(np.full(shape, level, np.uint8)) == polarity


@pytest.mark.parametrize("channels", [1, 3])
def test_on_a_pure_ground_turning_round_is_inverting(channels: int) -> None:
    rng = np.random.default_rng(1)
    ink = (drawing(rng, 28) * 200).astype(np.uint8)
    light_on_dark = np.repeat(ink[:, :, None], channels, axis=2)
    assert np.array_equal(turn_round(255 - light_on_dark, "dark-on-light"), light_on_dark)
    assert np.array_equal(turn_round(light_on_dark, "light-on-dark"), 255 - light_on_dark)


def test_paper_that_is_gray_and_unevenly_lit_becomes_an_even_ground() -> None:
    light = np.linspace(220, 110, 28)[None, :].repeat(28, 0)
    light[8:20, 13:15] *= 0.2
    turned = turn_round(light.astype(np.uint8)[:, :, None], "dark-on-light")[:, :, 0]
    strokes = np.zeros((28, 28), bool)
    strokes[8:20, 13:15] = True
    assert turned[strokes].min() > 180
    assert turned[~strokes].max() < 40


@pytest.mark.parametrize("size_px", [(1, 1), (1, 9), (3, 200), (400, 300)])
def test_a_picture_of_any_size_can_be_turned_round(size_px: tuple[int, int]) -> None:
    plain = np.full((*size_px, 1), 90, np.uint8)
    assert np.all(turn_round(plain, "dark-on-light") == 0)
    assert np.all(turn_round(plain, "light-on-dark") == 255)


def test_black_everywhere_is_no_division_by_zero() -> None:
    assert np.all(turn_round(np.zeros((28, 28, 1), np.uint8), "dark-on-light") == 255)
