"""ResNet on Fashion-MNIST, with the small stem that the paper has for CIFAR.

Paper       He, Zhang, Ren, Sun 2015, "Deep Residual Learning for Image Recognition", section 4.2
Data        Fashion-MNIST: 55,000 training files to learn from, 5,000 to choose by, 10,000 test files
Results     docs/results.md
Command     python -m export run resnet18; python -m export run resnet20
"""

from export.recipes.fashion_mnist import family
from export.recipes.recipe import Augmentation

RECIPES = {
    **family("resnet18", minimum_accuracy=0.93),
    **family("resnet34", "resnet50", "resnet101", "resnet152"),
    # Too small to learn by heart: weaker changes and more epochs.
    **family(
        "resnet20",
        options={},
        epochs=40,
        patience_epochs=40,
        weight_decay=2e-4,
        label_smoothing=0.0,
        augmentation=Augmentation(horizontal_flip=True, crop_padding_px=2),
        minimum_accuracy=0.93,
    ),
}
