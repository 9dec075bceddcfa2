"""A 1 x 1 convolution with a stride, as the shortcuts of residual blocks have it."""

from torch import Tensor, nn


class StridedPointwise(nn.Conv2d):
    """Looks at every `step`-th position of maps (N, in, H, W), and answers with (N, out, H / step, W / step).

    The positions in between are dropped before the convolution and not by its own stride: for 3 to 15 input channels in
    channels_last, the gradient of such a convolution's weights writes over the end of its memory on CPUs (torch 2.13
    with oneDNN), and training ends in a crash.
    """

    def __init__(self, in_channels: int, out_channels: int, step: int, *, bias: bool) -> None:
        super().__init__(in_channels, out_channels, 1, bias=bias)
        self.step = step

    def forward(self, x: Tensor) -> Tensor:
        """Map every `step`-th position."""
        return super().forward(x[:, :, :: self.step, :: self.step])
