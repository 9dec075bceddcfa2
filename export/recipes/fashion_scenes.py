"""What all recipes on fashion-scenes share: its pictures as they are, and one schedule that each network varies."""

from dataclasses import replace
from typing import Any

from export.recipes.fashion_mnist import SHARED as FASHION_MNIST
from export.recipes.recipe import Augmentation, SegmentationRecipe
from service.repository.artifact import Preprocessing

SIZE_PX = 96

SHARED = SegmentationRecipe(
    model="unet_xception",
    dataset="fashion-scenes",
    preprocessing=Preprocessing(
        height=None,
        width=None,
        resize="shortest",
        shortest_edge=SIZE_PX,
        longest_edge=4 * SIZE_PX,
        colour="gray",
    ),
    # Of Fashion-MNIST's items, so that a trunk which was trained on them sees here what it saw there.
    pixel_mean=FASHION_MNIST.pixel_mean,
    pixel_std=FASHION_MNIST.pixel_std,
    window_px=SIZE_PX,
    epochs=15,
    batch_size=16,
    optimizer="adamw",
    learning_rate=2e-3,
    warmup_epochs=0.5,
    weight_decay=1e-2,
    cross_entropy_weight=1.0,
    dice_weight=0.5,
    # With 11,000 scenes and flips alone a narrow U-Net had learnt them by heart after fifteen epochs.
    augmentation=Augmentation(horizontal_flip=True, degrees=10, translate=0.1, scale=0.15),
    epochs_per_pass=5,
    ema_decay=0.998,
    patience_epochs=15,
    precision="bf16",
    # The same as those of the classifiers: their validation items are those of the validation scenes.
    seed=FASHION_MNIST.seed,
    validation_share=FASHION_MNIST.validation_share,
    minimum_mean_iou=0.0,
    scene_rules="fbbf3bd2cfa617018a4b10ef1f0d7d626c7e43a7882199df6ffa2f770d4a683b",
)


def family(*models: str, **changes: Any) -> dict[str, SegmentationRecipe]:
    """Recipes by name for networks of one paper, which learn alike."""
    return {model: replace(SHARED, **changes, model=model) for model in models}
