"""The textbook digit network on MNIST."""

from export.recipes.recipe import Augmentation, Recipe
from service.repository.artifact import Preprocessing

RECIPE = Recipe(
    model="mnist_cnn",
    dataset="mnist",
    preprocessing=Preprocessing(height=28, width=28, resize="stretch", colour="gray", polarity="light-on-dark"),
    pixel_mean=(0.1307,),
    pixel_std=(0.3081,),
    epochs=15,
    batch_size=64,
    optimizer="adamw",
    learning_rate=3e-3,
    warmup_epochs=1.0,
    weight_decay=5e-2,
    label_smoothing=0.05,
    rubbish_logit=None,
    augmentation=Augmentation(degrees=10, translate=0.1, scale=0.1, shear_degrees=8),
    ema_decay=0.998,
    patience_epochs=8,
    precision="bf16",
    seed=5,
    validation_share=1 / 12,
    minimum_accuracy=0.992,
)
