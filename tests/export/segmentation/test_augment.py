"""Changes to windows move the mask with the picture."""

import pytest
import torch
from torch import Tensor

from export.recipes.recipe import IGNORED, Augmentation
from export.segmentation.augment import MaskedAugmenter

AFFINE = Augmentation(degrees=30, translate=0.2, scale=0.3, shear_degrees=10)


@pytest.fixture
def squares() -> tuple[Tensor, Tensor]:
    """Bright squares on a dark ground, (N, 3, H, W), and the masks of their pixels, (N, H, W)."""
    masks = torch.zeros(16, 48, 48, dtype=torch.int64)
    for index, mask in enumerate(masks):
        mask[6 + index : 22 + index, 8:24] = 1 + index % 2
    images = (0.1 + 0.4 * masks.float()).unsqueeze(1).repeat(1, 3, 1, 1)
    return images, masks


@pytest.mark.parametrize("spec", [AFFINE, Augmentation(horizontal_flip=True), Augmentation(degrees=180)])
def test_a_mask_of_a_picture_s_own_bright_pixels_still_fits_it(
    spec: Augmentation, squares: tuple[Tensor, Tensor]
) -> None:
    torch.manual_seed(1)
    images, masks = MaskedAugmenter(spec)(*squares)
    assert (images.shape, masks.shape, masks.dtype) == (squares[0].shape, squares[1].shape, torch.int64)
    assert not torch.equal(masks, squares[1])
    # Halfway between ground and square, where the outlines of a picture that is interpolated lie.
    bright = images[:, 0] > torch.where(masks.amax(dim=(1, 2)) == 2, 0.5, 0.3)[:, None, None]
    shared, either = (bright & (masks > 0)).sum(), (bright | (masks > 0)).sum()
    assert shared / either > 0.97
    assert centre(bright) == pytest.approx(centre(masks > 0), abs=0.02)


def centre(shown: Tensor) -> list[float]:
    """Mean row and column of the pixels that are shown."""
    return shown.nonzero()[:, 1:].float().mean(dim=0).tolist()


def test_masks_keep_their_values(squares: tuple[Tensor, Tensor]) -> None:
    images, masks = squares
    masks = masks.where(masks != 1, torch.tensor(7))
    masks[:, :, 40:] = IGNORED
    torch.manual_seed(1)
    _, moved = MaskedAugmenter(AFFINE)(images, masks)
    assert set(moved.unique().tolist()) <= {0, 2, 7, IGNORED}


def test_half_of_the_pictures_are_mirrored_with_their_masks(squares: tuple[Tensor, Tensor]) -> None:
    torch.manual_seed(1)
    images, masks = MaskedAugmenter(Augmentation(horizontal_flip=True))(*squares)
    flipped = [bool(torch.equal(image, before.flip(2))) for image, before in zip(images, squares[0], strict=True)]
    assert 3 <= sum(flipped) <= 13
    for mask, before, is_flipped in zip(masks, squares[1], flipped, strict=True):
        assert torch.equal(mask, before.flip(1) if is_flipped else before)


def test_nothing_to_change_changes_nothing(squares: tuple[Tensor, Tensor]) -> None:
    images, masks = MaskedAugmenter(Augmentation())(*squares)
    assert torch.equal(images, squares[0])
    assert torch.equal(masks, squares[1])
