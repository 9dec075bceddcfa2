"""Transposed convolutions that begin as, or are, bilinear interpolation: Long, Shelhamer, Darrell 2015, section 3.3."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class Upscore(nn.ConvTranspose2d):
    """Score maps (N, classes, h, w) become (N, classes, factor h, factor w), by weights that training may change.

    Before the window slides, the outermost scores are repeated once, so that none fades towards an edge; freshly built,
    the layer is bilinear interpolation. `factor` is even.
    """

    def __init__(self, classes: int, factor: int) -> None:
        super().__init__(classes, classes, 2 * factor, stride=factor, padding=_cut_off(factor), bias=False)
        with torch.no_grad():
            self.weight.zero_()
            self.weight.diagonal().copy_(bilinear_window(factor)[:, :, None])

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Map (N, classes, h, w) to (N, classes, factor h, factor w)."""
        return super().forward(_repeated_once(x), output_size)


class FixedUpscore(nn.Module):
    """Bilinear interpolation by an even factor, as a transposed convolution of each class that does not learn."""

    weight: Tensor

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.register_buffer("weight", bilinear_window(factor)[None, None])

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, classes, h, w) to (N, classes, factor h, factor w)."""
        classes = x.shape[1]
        windows = self.weight.expand(classes, 1, -1, -1)
        padding = _cut_off(self.factor)
        return F.conv_transpose2d(_repeated_once(x), windows, stride=self.factor, padding=padding, groups=classes)


def bilinear_window(factor: int) -> Tensor:
    """Share of a score in each pixel around it, (2 factor, 2 factor), for an even factor."""
    distance = (torch.arange(2 * factor) - (factor - 0.5)).abs() / factor
    share = 1 - distance
    return share[:, None] * share


def _repeated_once(x: Tensor) -> Tensor:
    return F.pad(x, (1, 1, 1, 1), mode="replicate")


def _cut_off(factor: int) -> int:
    """Pixels on each side: those of the score that was repeated, and half a window."""
    return factor + factor // 2
