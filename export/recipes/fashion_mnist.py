"""What all recipes on Fashion-MNIST share: its pictures as they are, and one schedule that each network varies."""

from dataclasses import replace
from typing import Any

from export.recipes.recipe import Augmentation, ClassificationRecipe
from service.repository.artifact import Preprocessing

SHARED = ClassificationRecipe(
    model="resnet18",
    dataset="fashion-mnist",
    preprocessing=Preprocessing(height=28, width=28, resize="stretch", colour="gray", polarity="light-on-dark"),
    # Of all pixels of the training files.
    pixel_mean=(0.2860,),
    pixel_std=(0.3530,),
    options={"stem": "small"},
    epochs=15,
    batch_size=128,
    optimizer="sgd",
    learning_rate=0.1,
    warmup_epochs=1.0,
    weight_decay=5e-4,
    label_smoothing=0.05,
    rubbish_logit=None,
    augmentation=Augmentation(horizontal_flip=True, crop_padding_px=2, erasing_share=0.25),
    ema_decay=0.998,
    patience_epochs=15,
    precision="bf16",
    seed=5,
    validation_share=1 / 12,
    minimum_accuracy=0.0,
)
PADDED_TO_32 = Preprocessing(
    height=32, width=32, resize="pad", shortest_edge=28, colour="gray", polarity="light-on-dark"
)
"""For networks that halve the picture five times."""


def family(*models: str, **changes: Any) -> dict[str, ClassificationRecipe]:
    """Recipes by name for networks of one paper: the first is trained for docs/results.md, the others learn alike."""
    return {model: replace(SHARED, **changes, model=model) for model in models}
