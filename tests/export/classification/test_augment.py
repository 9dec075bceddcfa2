"""Augmentation changes every image by itself, within its ranges, and by the seed."""

import pytest
import torch
from torch import Tensor, nn

from export.classification.augment import augmenter
from export.recipes import Augmentation


def stroke() -> torch.Tensor:
    """Four times the same bright block in the middle of a dark 28 x 28 image."""
    images = torch.zeros(4, 1, 28, 28)
    images[:, :, 12:16, 12:16] = 1
    return images


def layer_of(spec: Augmentation) -> nn.Module:
    return augmenter(spec, input_px=(28, 28))


def centres(images: torch.Tensor) -> torch.Tensor:
    """Centre of brightness along x, (N,), in pixels."""
    columns = images.sum(dim=(1, 2))
    return (columns * torch.arange(28)).sum(dim=1) / columns.sum(dim=1)


def test_no_change_is_the_identity() -> None:
    images = stroke()
    assert layer_of(Augmentation())(images) is images


def test_images_of_a_batch_move_apart_within_the_range() -> None:
    torch.manual_seed(1)
    moved = centres(layer_of(Augmentation(translate=0.1))(stroke())) - 13.5
    assert moved.abs().max() <= 2.8 + 1e-3
    assert len(set(moved.tolist())) == 4


def test_the_seed_decides() -> None:
    layer = layer_of(Augmentation(degrees=10, translate=0.1, scale=0.1, shear_degrees=5))
    torch.manual_seed(1)
    first = layer(stroke())
    torch.manual_seed(1)
    assert torch.equal(layer(stroke()), first)
    assert not torch.equal(layer(stroke()), first)


def test_what_comes_in_from_outside_continues_the_edge() -> None:
    white = torch.ones(8, 1, 28, 28)
    changed = layer_of(Augmentation(degrees=20, translate=0.2))(white)
    assert torch.allclose(changed, white, atol=1e-4)


def corner(count: int = 64) -> Tensor:
    """The same bright left upper corner on a dark image."""
    images = torch.zeros(count, 1, 28, 28)
    images[:, :, :14, :14] = 1
    return images


def test_half_of_the_images_are_mirrored_left_to_right() -> None:
    torch.manual_seed(1)
    images = corner()
    changed = layer_of(Augmentation(horizontal_flip=True))(images)
    mirrored = (changed == images.flip(3)).flatten(1).all(dim=1)
    assert 16 < int(mirrored.sum()) < 48
    assert torch.equal(changed[~mirrored], images[~mirrored])


def test_images_are_cut_out_within_the_padding_and_keep_their_size() -> None:
    torch.manual_seed(1)
    changed = layer_of(Augmentation(crop_padding_px=3))(corner())
    assert changed.shape == (64, 1, 28, 28)
    edges = changed[:, 0, 0].sum(dim=1)  # how far the corner reaches to the right
    assert set(edges.tolist()) == set(range(11, 18))


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_rectangle_is_set_to_zero_in_a_share_of_the_images(share: float) -> None:
    torch.manual_seed(1)
    changed = layer_of(Augmentation(erasing_share=share))(torch.ones(200, 1, 28, 28))
    erased = 1 - changed.flatten(1).mean(dim=1)
    assert abs(float((erased > 0).float().mean()) - share) <= 0.1
    assert erased.max() < 0.4
    assert set(changed.unique().tolist()) == {0.0, 1.0}


def test_all_changes_together_keep_shape_and_type() -> None:
    spec = Augmentation(degrees=5, crop_padding_px=2, horizontal_flip=True, erasing_share=0.5)
    changed = layer_of(spec)(torch.rand(8, 3, 28, 28))
    assert changed.shape == (8, 3, 28, 28)
    assert changed.dtype == torch.float32
