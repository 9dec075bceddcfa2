"""Pictures continued beyond their edges, against NumPy's padding."""

import numpy as np
import pytest
import torch

from models.padding import filled_to_multiple, mirrored


@pytest.mark.parametrize(
    ("size", "filled"), [((1, 1), (8, 8)), ((8, 16), (8, 16)), ((9, 7), (16, 8)), ((3, 24), (8, 24))]
)
def test_the_last_row_and_column_are_repeated_up_to_the_next_multiple(
    size: tuple[int, int], filled: tuple[int, int]
) -> None:
    x = torch.rand(2, 3, *size)
    below, right = filled[0] - size[0], filled[1] - size[1]
    expected = np.pad(x.numpy(), ((0, 0), (0, 0), (0, below), (0, right)), mode="edge")
    np.testing.assert_array_equal(filled_to_multiple(x, 8).numpy(), expected)


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (2, 3), (5, 20), (20, 50)])
def test_a_picture_smaller_than_its_border_is_mirrored_again_and_again(size: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *size)
    got = mirrored(x, 20, (size[0] + 40, size[1] + 47))
    np.testing.assert_array_equal(got.numpy(), np.pad(x.numpy(), ((0, 0), (0, 0), (20, 20), (20, 27)), mode="reflect"))
