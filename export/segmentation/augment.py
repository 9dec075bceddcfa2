"""Random changes to training windows that move the mask with the picture; nothing of it is exported."""

import torch
from kornia.augmentation import AugmentationSequential, GeometricAugmentationBase2D, RandomHorizontalFlip
from kornia.constants import DataKey, Resample
from torch import Tensor, nn

from export.recipes.recipe import Augmentation
from export.training.affine import random_affine


class MaskedAugmenter(nn.Module):
    """Maps images float32 (N, C, H, W) and their masks int64 (N, H, W) to changed ones of the same shapes.

    What comes in from outside continues the edge of both.
    """

    def __init__(self, spec: Augmentation) -> None:
        super().__init__()
        layers: list[GeometricAugmentationBase2D] = [*random_affine(spec)]
        if spec.horizontal_flip:
            layers.append(RandomHorizontalFlip(p=0.5))
        # Between two classes there is no third one.
        nearest = {DataKey.MASK: {"resample": Resample.NEAREST, "align_corners": None}}
        self.layers = (
            AugmentationSequential(*layers, data_keys=["input", "mask"], extra_args=nearest) if layers else None
        )

    def forward(self, images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Change both alike."""
        if self.layers is None:
            return images, masks
        changed, moved = self.layers(images, masks.unsqueeze(1).to(torch.float32))
        return changed, moved.squeeze(1).to(torch.int64)
