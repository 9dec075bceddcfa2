"""Networks with fully connected heads, turned into convolutions that give a map of class scores of a larger picture.

Sermanet et al., "OverFeat", ICLR 2014, arXiv:1312.6229, section 3.5; the paper on VGG evaluates its networks so as
well (section 3.2). A fully connected layer is a convolution whose window is all that the layer sees.
"""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn


class ScoreMaps(nn.Module):
    """A network that slides over pictures of `window_px` (height, width) or more in steps of `stride_px` pixels.

    `layers` map pictures (N, C, H, W) to scores (N, classes, h, w), one position of which answers for one window.
    Networks whose convolutions pad see zeros around a picture of one window, but their neighbours where windows lie
    inside a larger picture: their scores there are near those of the window cut out, not equal to them.
    """

    def __init__(self, layers: nn.Sequential, *, window_px: tuple[int, int], stride_px: int) -> None:
        super().__init__()
        self.layers = layers
        self.window_px = window_px
        self.stride_px = stride_px

    def two_windows_px(self) -> tuple[int, int]:
        """Smallest height and width that make two windows each way: an export's example.

        From a picture of one window an exporter takes the number of windows for a constant.
        """
        height, width = self.window_px
        return height + self.stride_px, width + self.stride_px

    def scores(self, x: Tensor) -> Tensor:
        """Map normalised pictures (N, C, H, W) to logits by window, (N, classes, h, w).

        Raises:
            RuntimeError: The pictures are smaller than a window.
        """
        by_window: Tensor = self.layers(x)
        return by_window

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised pictures (N, C, H, W) to logits by pixel, (N, classes, H, W).

        A pixel's logits lie between those of the windows whose centres are around it, bilinearly; outside all
        centres they are those of the nearest. A picture that is smaller than a window stands in the middle of one,
        its edge repeated around it. For many classes the answer is large: 4 bytes x classes x H x W.
        """
        rows, columns = (_filled(x.shape[axis], self.window_px[axis - 2]) for axis in (2, 3))
        filled = x.index_select(2, rows.clamp(0, x.shape[2] - 1)).index_select(3, columns.clamp(0, x.shape[3] - 1))
        by_window = self.scores(filled)
        height, width = self.window_px
        above = self._shares(filled.shape[2], by_window.shape[2], height).to(by_window.dtype)
        beside = self._shares(filled.shape[3], by_window.shape[3], width).to(by_window.dtype)
        top, left = ((filled.shape[axis] - x.shape[axis]) // 2 for axis in (2, 3))
        by_pixel = above @ by_window @ beside.T
        return by_pixel[:, :, top : top + x.shape[2], left : left + x.shape[3]]

    def _shares(self, pixels: int, windows: int, window_px: int) -> Tensor:
        """Share of each window in each pixel along one axis, float32 (pixels, windows); rows sum to one."""
        # Window i has its centre i strides after half a window, pixel p half a pixel after p.
        position = (torch.arange(pixels) + (0.5 - window_px / 2)) / self.stride_px
        position = position.clamp(0, windows - 1)
        return torch.relu(1 - (position[:, None] - torch.arange(windows)).abs())


def _filled(pixels: int, window_px: int) -> Tensor:
    """Positions along one axis, int64, of a picture in the middle of a window; beside it they lie outside."""
    spare: int = torch.sym_max(window_px - pixels, 0)  # type: ignore[no-untyped-call]
    return torch.arange(pixels + spare) - spare // 2


@runtime_checkable
class Convolutionalisable(Protocol):
    """A network that knows its own convolutional form."""

    def score_maps(self, input_px: tuple[int, int]) -> ScoreMaps:
        """Give the form whose windows are pictures of `input_px` (height, width), with the network's own weights.

        Raises:
            ValueError: At this size no convolution equals the network.
        """


def convolutionalised(network: nn.Module, input_px: tuple[int, int]) -> ScoreMaps:
    """Turn a network's head into convolutions; `input_px` (height, width) is the size that it was trained at.

    The result shares the network's weights and has as many parameters, is in training or evaluation mode as the
    network is, and leaves dropout out.

    Raises:
        ValueError: The network has no fully connected head, or no convolution equals it at this size.
    """
    if not isinstance(network, Convolutionalisable):
        raise ValueError(f"{type(network).__name__} has no fully connected head that could become convolutions")
    return network.score_maps(input_px).train(network.training)


def as_convolution(layer: nn.Linear, window: tuple[int, int] = (1, 1)) -> nn.Conv2d:
    """The same layer as a convolution over windows of this many positions (h, w), with the same weights in memory."""
    units, inputs = layer.weight.shape
    maps = inputs // (window[0] * window[1])
    convolution = nn.Conv2d(maps, units, window, device="meta")
    convolution.weight = nn.Parameter(layer.weight.detach().view(units, maps, *window))
    convolution.bias = layer.bias
    return convolution
