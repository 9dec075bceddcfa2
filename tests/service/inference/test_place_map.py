"""A map over the network's input, back on the picture: what lit up is found where it was."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from service.inference.preprocess import place_map, preprocess
from service.repository.artifact import Preprocessing

SPECS: dict[str, dict[str, Any]] = {
    "stretch": {"height": 32, "width": 48, "resize": "stretch"},
    "crop": {"height": 40, "width": 40, "resize": "crop", "shortest_edge": 48},
    "pad": {"height": 40, "width": 40, "resize": "pad", "shortest_edge": 32},
    "none": {"height": None, "width": None, "resize": "none"},
}
SIZES_PX = [(64, 64), (200, 120), (120, 200), (500, 90), (33, 37)]


def spec(name: str) -> Preprocessing:
    return Preprocessing.model_validate(SPECS[name] | {"colour": "gray"})


@pytest.mark.parametrize("size_px", SIZES_PX)
@pytest.mark.parametrize("name", SPECS)
def test_a_bright_spot_goes_back_to_its_place(name: str, size_px: tuple[int, int]) -> None:
    width, height = size_px
    # Off the centre, and inside every cut-out.
    spot = (width // 2 + min(size_px) // 4, height // 2 - min(size_px) // 5)
    reach = max(2, min(size_px) // 16)
    picture = np.zeros((height, width), np.uint8)
    picture[spot[1] - reach : spot[1] + reach, spot[0] - reach : spot[0] + reach] = 255
    seen = preprocess(Image.fromarray(picture), spec(name))[:, :, 0].astype(np.float32) / np.float32(255)
    placed = place_map(seen, size_px, spec(name))
    rows, columns = np.mgrid[0:height, 0:width] + 0.5
    centre = (placed * columns).sum() / placed.sum(), (placed * rows).sum() / placed.sum()
    assert centre == pytest.approx(spot, abs=0.5)


@pytest.mark.parametrize("name", ["stretch", "none"])
def test_a_coarse_map_lies_over_the_whole_picture(name: str) -> None:
    cam = np.zeros((4, 4), np.float32)
    cam[1, 3] = 1
    placed = place_map(cam, (80, 40), spec(name))
    assert placed.shape == (40, 80)
    assert placed.dtype == np.float32
    # The middle of the cell at row 1 of 4 and column 3 of 4.
    assert placed[15, 70] > 0.9
    assert placed[5, 70] < 0.1
    assert placed[15, 40] == 0


def test_interpolation_is_linear_between_the_middles_of_cells() -> None:
    placed = place_map(np.array([[0, 1]], np.float32), (8, 1), spec("stretch"))
    assert placed[0].tolist() == pytest.approx([0, 0, 1 / 8, 3 / 8, 5 / 8, 7 / 8, 1, 1])


def test_what_a_crop_did_not_show_is_zero() -> None:
    placed = place_map(np.ones((5, 5), np.float32), (200, 100), spec("crop"))
    # The shorter edge of 100 becomes 48, of which the middle 40 are seen: 83 of 200 columns and of 100 rows.
    seen = np.argwhere(placed > 0)
    assert seen.min(axis=0).tolist() == pytest.approx([8, 58], abs=1)
    assert seen.max(axis=0).tolist() == pytest.approx([91, 141], abs=1)
    assert np.all(placed[seen[:, 0], seen[:, 1]] == 1)


def test_what_lit_up_in_the_padding_is_left_out() -> None:
    cam = np.zeros((40, 40), np.float32)
    cam[:8] = 1
    cam[:, :3] = 1
    assert place_map(cam, (100, 50), spec("pad")).max() == 0


def test_the_picture_inside_a_padding_keeps_its_edges() -> None:
    # 100x50 becomes 32x16, at (4, 12) of 40x40.
    cam = np.zeros((40, 40), np.float32)
    cam[12:28, 4] = 1
    placed = place_map(cam, (100, 50), spec("pad"))
    assert np.all(placed[3:-3, 0] > 0.5)
    assert np.all(placed[:, 10:] == 0)


@pytest.mark.parametrize("size_px", [(1, 1), (1, 500), (500, 1), (3, 2000), (2, 2), (7, 5)])
@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("map_px", [(1, 1), (7, 7), (10, 3), (40, 40)])
def test_extreme_pictures_get_a_map_of_their_size(name: str, size_px: tuple[int, int], map_px: tuple[int, int]) -> None:
    cam = np.random.default_rng(0).random(map_px, dtype=np.float32)
    placed = place_map(cam, size_px, spec(name))
    assert placed.shape == size_px[::-1]
    assert placed.min() >= 0
    assert placed.max() <= cam.max() + 1e-6
    assert np.all(place_map(np.zeros_like(cam), size_px, spec(name)) == 0)


def test_a_picture_smaller_than_its_map_gets_averages() -> None:
    cam = np.zeros((8, 8), np.float32)
    cam[:4, :4] = [[0, 1, 0, 1]] * 4
    assert place_map(cam, (2, 2), spec("stretch")).ravel().tolist() == pytest.approx([0.5, 0, 0, 0])
