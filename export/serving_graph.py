"""What is exported: a network behind its input contract, a classifier with its class activation map."""

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from models.classifier import Classifier
from service.repository.artifact import CamSource

CamChoice = Literal["own", "hirescam"]
"""own: the map that the network's `cam_method` names. hirescam: Draelos and Carin 2020, at the same layer."""


class ExportedGraph(nn.Module):
    """A network that takes uint8 pictures (N, H, W, C): scaling and normalisation are in the graph."""

    inputs: ClassVar[tuple[str, ...]]
    """Names of the graph's inputs, in the order of `forward`."""
    outputs: ClassVar[tuple[str, ...]]
    free_axes: ClassVar[dict[str, tuple[int, ...]]]
    """Axes of each input that may have any length."""
    cam: CamSource | None = None
    """Where the graph's map comes from, if it has one."""
    scale: Tensor
    shift: Tensor

    def __init__(self, network: nn.Module, *, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.network = network
        # (x / 255 - mean) / std as one product and one sum: in a small network every pass over the pixels shows.
        means, stds = (torch.tensor(each, dtype=torch.float64).view(1, -1, 1, 1) for each in (mean, std))
        self.register_buffer("scale", (1 / (255 * stds)).float())
        self.register_buffer("shift", (-means / stds).float())

    def normalised(self, image: Tensor) -> Tensor:
        """Bring uint8 (N, H, W, C) to what the network learnt from, float32 (N, C, H, W)."""
        return image.permute(0, 3, 1, 2).to(torch.float32) * self.scale + self.shift

    def example(self, image_shape: tuple[int, int, int]) -> tuple[Any, ...]:
        """Inputs for an exporter to follow, of pictures (H, W, C); two, for a batch of one would become a constant."""
        return (torch.zeros(2, *image_shape, dtype=torch.uint8),)


class ServingGraph(ExportedGraph):
    """`forward(image uint8 (N, H, W, C), target int64 (N,), -1 = top-1)` gives logits and map.

    The logits are float32 (N, classes), the map is raw, float32 (N, h, w).
    """

    inputs = ("image", "target")
    outputs = ("logits", "cam")
    free_axes: ClassVar[dict[str, tuple[int, ...]]] = {"image": (0,), "target": (0,)}
    network: Classifier

    def __init__(
        self, network: Classifier, *, mean: tuple[float, ...], std: tuple[float, ...], cam: CamChoice = "own"
    ) -> None:
        super().__init__(network, mean=mean, std=std)
        self.cam: CamSource = CamSource(
            method="hirescam" if cam == "hirescam" else network.cam_method, layer=network.cam_layer
        )

    def example(self, image_shape: tuple[int, int, int]) -> tuple[Any, ...]:
        """Add targets to the pictures."""
        return (*super().example(image_shape), torch.tensor([-1, 0]))

    def forward(self, image: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and normalise the pixels, then ask the network for logits and map."""
        x = self.normalised(image)
        if self.cam.method == "hirescam":
            return self.network.forward_with_hirescam(x, target)
        return self.network.forward_with_cam(x, target)


class SegmentingGraph(ExportedGraph):
    """`forward(image uint8 (N, H, W, C))` of any height and width gives logits float32 (N, classes, H, W)."""

    inputs = ("image",)
    outputs = ("logits",)
    free_axes: ClassVar[dict[str, tuple[int, ...]]] = {"image": (0, 1, 2)}

    def forward(self, image: Tensor) -> Tensor:
        """Scale and normalise the pixels, then ask the network for the logits of every pixel."""
        logits: Tensor = self.network(self.normalised(image))
        return logits
