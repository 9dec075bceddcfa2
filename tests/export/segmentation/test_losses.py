"""Losses of masks against calculations by hand and torch's own."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from export.recipes import SEGMENTERS
from export.recipes.recipe import IGNORED
from export.segmentation.losses import balanced_weights, dice_loss, loss_of

RECIPE = SEGMENTERS["unet"]
CROSS_ENTROPY = replace(RECIPE, cross_entropy_weight=1.0, dice_weight=0.0)
BOTH = replace(RECIPE, cross_entropy_weight=0.25, dice_weight=2.0)


@pytest.fixture
def logits() -> Tensor:
    return torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def masks() -> Tensor:
    return torch.randint(3, (2, 5, 4), generator=torch.Generator().manual_seed(2))


def test_dice_is_what_a_hand_calculation_gives() -> None:
    # Scores 0.8 and 0.2 at two pixels of class 0, then 0.6 and 0.4 at one of class 1.
    scores = torch.tensor([[0.8, 0.2], [0.8, 0.2], [0.6, 0.4]])
    logits = scores.log().T.reshape(1, 2, 1, 3)
    masks = torch.tensor([[[0, 0, 1]]])
    first = 2 * (0.8 + 0.8) / (0.8**2 + 0.8**2 + 0.6**2 + 2)
    second = 2 * 0.4 / (0.2**2 + 0.2**2 + 0.4**2 + 1)
    assert dice_loss(logits, masks).item() == pytest.approx(1 - (first + second) / 2)


def test_dice_of_what_is_certainly_right_is_zero_and_of_what_is_certainly_wrong_one(masks: Tensor) -> None:
    right = F.one_hot(masks, 3).permute(0, 3, 1, 2) * 50.0
    assert dice_loss(right, masks).item() == pytest.approx(0, abs=1e-6)
    assert dice_loss(right.roll(1, dims=1), masks).item() == pytest.approx(1, abs=1e-6)


def test_a_class_that_a_batch_does_not_show_has_no_part_in_dice() -> None:
    logits = torch.randn(1, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    masks = torch.tensor([[[0, 1], [1, 0]]])
    scores = logits.softmax(dim=1)[0]
    overlaps = []
    for index in (0, 1):
        truth = (masks[0] == index).float()
        overlaps.append(2 * (scores[index] * truth).sum() / (scores[index].square().sum() + truth.sum()))
    assert dice_loss(logits, masks).item() == pytest.approx(1 - (overlaps[0] + overlaps[1]).item() / 2)


def test_cross_entropy_and_class_weights_are_torch_s(logits: Tensor, masks: Tensor) -> None:
    masks[0, 0] = IGNORED
    weights = torch.tensor([0.2, 1.0, 3.0])
    for given in (None, weights):
        expected = F.cross_entropy(logits, masks, weight=given, ignore_index=IGNORED)
        torch.testing.assert_close(loss_of(logits, masks, CROSS_ENTROPY, given), expected)
    mixed = 0.25 * F.cross_entropy(logits, masks, weight=weights, ignore_index=IGNORED) + 2 * dice_loss(logits, masks)
    torch.testing.assert_close(loss_of(logits, masks, BOTH, weights), mixed)


def test_ignored_pixels_change_nothing(logits: Tensor, masks: Tensor) -> None:
    masks[:, 3:] = IGNORED
    weights = torch.tensor([0.2, 1.0, 3.0])
    changed = logits.clone()
    changed[:, :, 3:] += 100 * torch.randn(2, 3, 2, 4, generator=torch.Generator().manual_seed(3))
    cut = loss_of(logits[:, :, :3], masks[:, :3], BOTH, weights)
    torch.testing.assert_close(loss_of(logits, masks, BOTH, weights), cut)
    torch.testing.assert_close(loss_of(changed, masks, BOTH, weights), cut)
    logits.requires_grad_(True)
    (gradient,) = torch.autograd.grad(loss_of(logits, masks, BOTH, weights), logits)
    assert not gradient[:, :, 3:].any()
    assert gradient[:, :, :3].any()


def test_a_batch_in_which_nothing_counts_has_no_loss_and_no_gradient(logits: Tensor) -> None:
    logits.requires_grad_(True)
    loss = loss_of(logits, torch.full((2, 5, 4), IGNORED), BOTH, None)
    assert loss.item() == 0
    assert not torch.autograd.grad(loss, logits)[0].any()


def test_balanced_weights_are_the_median_share_over_the_class_s_own() -> None:
    assert balanced_weights(np.array([800, 100, 50, 0])) == (0.125, 1.0, 2.0, 0.0)
