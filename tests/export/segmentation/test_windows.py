"""Windows are cut out of picture and mask at the same place."""

import numpy as np
import torch

from export.data.masked import MaskedArrays
from export.recipes.recipe import IGNORED
from export.segmentation.windows import Where, WindowBatches


def batches(*sizes: tuple[int, int], edge_px: int, where: Where) -> WindowBatches:
    """Pictures of these (height, width) in which each pixel says where it is; masks say the same."""
    masks = tuple(np.arange(height * width, dtype=np.uint8).reshape(height, width) for height, width in sizes)
    return WindowBatches(
        MaskedArrays(images=tuple(mask[..., np.newaxis] for mask in masks), masks=masks), edge_px=edge_px, where=where
    )


def test_the_middle_is_cut_out_for_validation() -> None:
    images, masks = batches((6, 8), (5, 4), edge_px=4, where="middle").__getitems__([0, 1])
    assert (images.dtype, images.shape) == (torch.uint8, (2, 1, 4, 4))
    assert (masks.dtype, masks.shape) == (torch.int64, (2, 4, 4))
    assert masks[0, 0].tolist() == [10, 11, 12, 13]
    assert masks[1, 0].tolist() == [0, 1, 2, 3]
    assert torch.equal(images[:, 0].long(), masks)


def test_windows_for_training_lie_everywhere_and_move_mask_with_picture() -> None:
    windows = batches((6, 8), edge_px=4, where="anywhere")
    torch.manual_seed(1)
    images, masks = windows.__getitems__([0] * 300)
    assert torch.equal(images[:, 0].long(), masks)
    corners = {(int(mask[0, 0]) // 8, int(mask[0, 0]) % 8) for mask in masks}
    assert corners == {(top, left) for top in range(3) for left in range(5)}


def test_beside_a_small_picture_its_edge_goes_on_and_nothing_counts() -> None:
    images, masks = batches((2, 6), edge_px=5, where="anywhere").__getitems__([0])
    inside = masks[0] != IGNORED
    assert inside.sum() == 2 * 5
    assert torch.equal(inside.any(dim=1), torch.tensor([False, True, True, False, False]))
    picture = images[0, 0].long()
    assert torch.equal(picture[inside], masks[0][inside])
    assert torch.equal(picture[0], picture[1])
    assert torch.equal(picture[4], picture[2])
