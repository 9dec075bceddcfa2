"""Random changes to training images, a whole batch of tensors at once; nothing of it is exported."""

from kornia.augmentation import RandomAffine
from torch import nn

from export.recipes.recipe import Augmentation


def augmenter(spec: Augmentation) -> nn.Module:
    """A layer from images float32 (N, C, H, W) to changed ones of the same shape; the identity for no change.

    What comes in from outside continues the image's edge, which for MNIST is its ground.
    """
    if spec == Augmentation():
        return nn.Identity()
    layer: nn.Module = RandomAffine(
        degrees=spec.degrees,
        translate=(spec.translate, spec.translate),
        scale=(1 - spec.scale, 1 + spec.scale),
        shear=spec.shear_degrees,
        padding_mode="border",
        p=1.0,
    )
    return layer
