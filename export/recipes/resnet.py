"""ResNet on Fashion-MNIST, in the form for small pictures.

Paper       He, Zhang, Ren, Sun 2015, "Deep Residual Learning for Image Recognition", section 4.2
Data        Fashion-MNIST: 55,000 training files to learn from, 5,000 to choose by, 10,000 test files
Expected    docs/results.md
Command     python -m export run resnet18; python -m export run resnet20
"""

from dataclasses import replace

from export.recipes.fashion_mnist import PIXEL_MEAN, PIXEL_STD, PREPROCESSING
from export.recipes.recipe import Augmentation, Recipe

_RESNET18 = Recipe(
    model="resnet18",
    dataset="fashion-mnist",
    preprocessing=PREPROCESSING,
    pixel_mean=PIXEL_MEAN,
    pixel_std=PIXEL_STD,
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
    minimum_accuracy=0.94,
)

RECIPES = {
    "resnet18": _RESNET18,
    **{
        name: replace(_RESNET18, model=name, minimum_accuracy=0.0)
        for name in ("resnet34", "resnet50", "resnet101", "resnet152")
    },
    "resnet20": replace(
        _RESNET18,
        model="resnet20",
        options={},
        epochs=40,
        patience_epochs=40,
        weight_decay=2e-4,
        label_smoothing=0.0,
        augmentation=Augmentation(horizontal_flip=True, crop_padding_px=2),
        minimum_accuracy=0.93,
    ),
}
