"""Losses of a segmenter: cross entropy by pixel, and the soft Dice loss by class."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from export.recipes.recipe import IGNORED, SegmentationRecipe

# Where a class is nowhere in a batch, its overlap is 0 / 0.
_NEARLY_NOTHING = 1e-6


def loss_of(logits: Tensor, masks: Tensor, recipe: SegmentationRecipe, class_weights: Tensor | None) -> Tensor:
    """The recipe's mixture of both losses.

    Args:
        logits: float32 (N, classes, H, W).
        masks: int64 (N, H, W); pixels that are IGNORED do not count.
        recipe: Says how much each of the losses weighs.
        class_weights: (classes,), for the cross entropy.
    """
    loss = logits.new_zeros(())
    if recipe.cross_entropy_weight:
        losses = F.cross_entropy(logits, masks, weight=class_weights, ignore_index=IGNORED, reduction="sum")
        # A batch in which nothing counts has no loss, where torch's own mean has NaN.
        weights = _pixel_weights(masks, class_weights)
        loss = loss + recipe.cross_entropy_weight * losses / weights.sum().clamp(min=_NEARLY_NOTHING)
    if recipe.dice_weight:
        loss = loss + recipe.dice_weight * dice_loss(logits, masks)
    return loss


def dice_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """One minus the mean of the soft Dice coefficients of the classes that the batch shows.

    Milletari, Navab, Ahmadi 2016, "V-Net", section 3, with squares in the denominator; one coefficient per class over
    all pixels of the batch.
    """
    counted = (masks != IGNORED).unsqueeze(1)
    scores = logits.softmax(dim=1) * counted
    classes = logits.shape[1]
    truth = F.one_hot(masks.masked_fill(masks == IGNORED, 0), classes).permute(0, 3, 1, 2) * counted
    axes = (0, 2, 3)
    overlap = (scores * truth).sum(dim=axes)
    total = scores.square().sum(dim=axes) + truth.sum(dim=axes)
    shown = truth.sum(dim=axes) > 0
    coefficients = 2 * overlap / total.clamp(min=_NEARLY_NOTHING)
    return 1 - (coefficients * shown).sum() / shown.sum().clamp(min=1) - (~shown.any()).float()


def balanced_weights(pixels: NDArray[np.int64]) -> tuple[float, ...]:
    """Weights of classes by their pixels (classes,): the median share divided by the class's own.

    Eigen, Fergus 2015, "Predicting Depth, Surface Normals and Semantic Labels", section 6.3.2. A class without pixels
    weighs nothing.
    """
    shown = pixels[pixels > 0]
    return tuple(float(np.median(shown) / count) if count else 0.0 for count in pixels)


def _pixel_weights(masks: Tensor, class_weights: Tensor | None) -> Tensor:
    counted = masks != IGNORED
    if class_weights is None:
        return counted.float()
    return class_weights[masks.masked_fill(~counted, 0)] * counted
