"""What every segmenter answers: the logits of every pixel."""

from abc import abstractmethod

from torch import Tensor

from models.network import Network


class Segmenter(Network):
    """A network from normalised pictures, float32 (N, C, H, W), to logits by pixel, float32 (N, classes, H, W)."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Map normalised pictures (N, C, H, W) of any height and width from 1 on to logits (N, classes, H, W)."""
