"""What is exported: a network behind its input contract, with its class activation map."""

from typing import Literal

import torch
from torch import Tensor, nn

from models.classifier import Classifier
from service.repository.artifact import CamSource

CamChoice = Literal["own", "hirescam"]
"""own: the map that the network's `cam_method` names. hirescam: Draelos and Carin 2020, at the same layer."""


class ServingGraph(nn.Module):
    """`forward(image uint8 (N, H, W, C), target int64 (N,), -1 = top-1)` gives logits and map.

    The logits are float32 (N, classes), the map is raw, float32 (N, h, w).
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self, network: Classifier, *, mean: tuple[float, ...], std: tuple[float, ...], cam: CamChoice = "own"
    ) -> None:
        super().__init__()
        self.network = network
        self.cam = CamSource(method="hirescam" if cam == "hirescam" else network.cam_method, layer=network.cam_layer)
        # (x / 255 - mean) / std as one product and one sum: in a small network every pass over the pixels shows.
        means, stds = (torch.tensor(each, dtype=torch.float64).view(1, -1, 1, 1) for each in (mean, std))
        self.register_buffer("scale", (1 / (255 * stds)).float())
        self.register_buffer("shift", (-means / stds).float())

    def forward(self, image: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and normalise the pixels, then ask the network for logits and map."""
        x = image.permute(0, 3, 1, 2).to(torch.float32) * self.scale + self.shift
        if self.cam.method == "hirescam":
            return self.network.forward_with_hirescam(x, target)
        return self.network.forward_with_cam(x, target)
