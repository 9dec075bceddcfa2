import numpy as np
import pytest

from service.inference.masks.shares import class_pixels, mean_scores
from service.inference.masks.winners import Mask
from tests.service.inference.masks.sample_masks import blobs


@pytest.mark.parametrize("number", [np.uint8, np.uint16])
def test_pixels_of_each_class_are_counted(number: type[np.uint8 | np.uint16]) -> None:
    mask: Mask = blobs(200, 300).astype(np.dtype(number))
    pixels = class_pixels(mask, 7)
    assert pixels.tolist() == [np.count_nonzero(mask == index) for index in range(7)]
    assert pixels.dtype == np.int64


def test_scores_are_averaged_over_the_pixels_of_a_class() -> None:
    mask = blobs(200, 300)
    scores = np.random.default_rng(0).integers(0, 256, mask.shape, dtype=np.uint8)
    means = mean_scores(mask, scores, class_pixels(mask, 6))
    assert means[:5] == pytest.approx([scores[mask == index].mean() / 255 for index in range(5)])
    assert means[5] == 0
