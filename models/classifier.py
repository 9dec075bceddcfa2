"""What every classifier offers beside its logits: a class activation map from one forward pass."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn


class Classifier(nn.Module, ABC):
    """A network from normalised pictures, float32 (N, C, H, W), to logits, float32 (N, classes)."""

    cam_method: ClassVar[Literal["cam", "grad-cam"]]
    """cam: Zhou et al. 2016, without ReLU. grad-cam: Selvaraju et al. 2017, with its ReLU."""
    cam_layer: ClassVar[str]
    """Name of the module whose activations the map weighs, after their nonlinearity."""

    @abstractmethod
    def forward_with_cam(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Classify and explain, with forward operations only, so that one exported graph does both.

        Args:
            x: Normalised pictures, float32 (N, C, H, W).
            target: Class that each row's map explains, int64 (N,); -1 is the row's top-1 class.

        Returns:
            Logits, float32 (N, classes), and maps, float32 (N, h, w), neither scaled nor resized.
            Dropout plays no part in either.
        """


def resolve_target(logits: Tensor, target: Tensor) -> Tensor:
    """Replace -1 in `target`, int64 (N,), by the top-1 class of `logits`, (N, classes)."""
    return torch.where(target < 0, logits.argmax(dim=1), target)


def grad_cam(activations: Tensor, alpha: Tensor) -> Tensor:
    """Weigh activations (N, K, h, w) by `alpha` (N, K): Grad-CAM's map (N, h, w), ReLU included.

    `alpha` is the mean over positions of the gradient of the explained logit; see Selvaraju et al.,
    "Grad-CAM", ICCV 2017, equations 1 and 2.
    """
    return torch.relu((activations * alpha[:, :, None, None]).sum(dim=1))
