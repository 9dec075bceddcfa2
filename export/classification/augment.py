"""Random changes to training images, a whole batch of tensors at once; nothing of it is exported."""

from kornia.augmentation import RandomCrop, RandomErasing, RandomHorizontalFlip
from torch import nn

from export.recipes.recipe import Augmentation
from export.training.affine import random_affine


def augmenter(spec: Augmentation, *, input_px: tuple[int, int]) -> nn.Module:
    """A layer from images float32 (N, C, H, W) to changed ones of the same shape; the identity for no change.

    What comes in from outside continues the image's edge, which for MNIST is its ground. `input_px` is (H, W).
    """
    layers: list[nn.Module] = [*random_affine(spec)]
    if spec.crop_padding_px:
        layers.append(RandomCrop(input_px, padding=spec.crop_padding_px, padding_mode="replicate"))
    if spec.horizontal_flip:
        layers.append(RandomHorizontalFlip(p=0.5))
    if spec.erasing_share:
        layers.append(RandomErasing(p=spec.erasing_share))
    return layers[0] if len(layers) == 1 else nn.Sequential(*layers)
