"""Augmentation changes every image by itself, within its ranges, and by the seed."""

import torch

from export.augment import augmenter
from export.recipes import Augmentation


def stroke() -> torch.Tensor:
    """Four times the same bright block in the middle of a dark 28 x 28 image."""
    images = torch.zeros(4, 1, 28, 28)
    images[:, :, 12:16, 12:16] = 1
    return images


def centres(images: torch.Tensor) -> torch.Tensor:
    """Centre of brightness along x, (N,), in pixels."""
    columns = images.sum(dim=(1, 2))
    return (columns * torch.arange(28)).sum(dim=1) / columns.sum(dim=1)


def test_no_change_is_the_identity() -> None:
    images = stroke()
    assert augmenter(Augmentation())(images) is images


def test_images_of_a_batch_move_apart_within_the_range() -> None:
    torch.manual_seed(1)
    moved = centres(augmenter(Augmentation(translate=0.1))(stroke())) - 13.5
    assert moved.abs().max() <= 2.8 + 1e-3
    assert len(set(moved.tolist())) == 4


def test_the_seed_decides() -> None:
    layer = augmenter(Augmentation(degrees=10, translate=0.1, scale=0.1, shear_degrees=5))
    torch.manual_seed(1)
    first = layer(stroke())
    torch.manual_seed(1)
    assert torch.equal(layer(stroke()), first)
    assert not torch.equal(layer(stroke()), first)


def test_what_comes_in_from_outside_continues_the_edge() -> None:
    white = torch.ones(8, 1, 28, 28)
    changed = augmenter(Augmentation(degrees=20, translate=0.2))(white)
    assert torch.allclose(changed, white, atol=1e-4)
