from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.inference.tiles import blended

Run = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def two_classes(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits of a network that looks at one pixel at a time."""
    gray = pixels[:, :, 0].astype(np.float32)
    return np.stack([gray, 255 - gray])


def put_together(run: Run, pixels: NDArray[np.uint8], tile_px: int, overlap_px: int) -> NDArray[np.float32]:
    """The blocks at their places; every pixel has to come exactly once."""
    whole = np.full((2, *pixels.shape[:2]), np.nan, np.float32)
    for block in blended(run, pixels, tile_px=tile_px, overlap_px=overlap_px):
        part = whole[:, block.rows, block.columns]
        assert np.isnan(part).all()
        assert block.logits.shape == part.shape
        part[:] = block.logits
    assert np.isfinite(whole).all()
    return whole


@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    overlap_px=st.integers(1, 8),
    spare_px=st.integers(0, 20),
    seed=st.integers(0, 1000),
)
def test_blocks_cover_the_picture_and_a_network_without_surroundings_answers_as_on_the_whole(
    height: int, width: int, overlap_px: int, spare_px: int, seed: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 1), dtype=np.uint8)
    whole = put_together(two_classes, pixels, 2 * overlap_px + spare_px, overlap_px)
    np.testing.assert_allclose(whole, two_classes(pixels), rtol=1e-5, atol=1e-4)


def test_tiles_are_of_the_size_asked_for_or_smaller_and_always_larger_than_the_overlap() -> None:
    seen: list[tuple[int, ...]] = []

    def watched(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        seen.append(pixels.shape[:2])
        return two_classes(pixels)

    put_together(watched, np.zeros((100, 41, 3), np.uint8), 32, 8)
    assert seen[0] == (32, 32)
    assert all(8 < height <= 32 and 8 < width <= 32 for height, width in seen)
    assert len(seen) == 4 * 2


def test_a_picture_that_fits_is_one_run() -> None:
    seen: list[tuple[int, ...]] = []

    def watched(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        seen.append(pixels.shape)
        return two_classes(pixels)

    put_together(watched, np.zeros((32, 7, 1), np.uint8), 32, 8)
    assert seen == [(32, 7, 1)]


def test_between_two_tiles_that_disagree_the_logits_go_over_linearly() -> None:
    turns = iter([0.0, 1.0])

    def one_value_per_tile(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.full((1, *pixels.shape[:2]), next(turns), np.float32)

    blocks = list(blended(one_value_per_tile, np.zeros((4, 28, 1), np.uint8), tile_px=16, overlap_px=4))
    row = np.concatenate([block.logits[0, 0] for block in blocks])
    assert row == pytest.approx([0.0] * 12 + [0.125, 0.375, 0.625, 0.875] + [1.0] * 12)
