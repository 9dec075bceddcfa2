"""The U-Net of separable convolutions: Chollet 2019, input 160 x 160 colour, 2,055,203 parameters.

Keras's example "Image segmentation with a U-Net-like architecture", on the Oxford-IIIT pets: the residual blocks of
Xception on the way down, transposed convolutions beside an upsampled residual on the way up. It has no skips from one
way to the other, which a U-Net has. Beside its parameters it has 3,776 statistics of batch normalisation.

Biases, paddings and first weights (Glorot, Bengio 2010) are Keras's; batch normalisation has torch's momentum of 0.1
(Keras: 0.01) and epsilon of 1e-5 (1e-3), with which statistics settle in a short training too.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, ClassVar

from torch import Tensor, nn

from models.options import Length, Range
from models.padding import cut_back, filled_to_multiple
from models.segmenter import Segmenter
from models.strided import StridedPointwise


def separable(in_channels: int, channels: int) -> list[nn.Module]:
    """A 3 x 3 convolution of each channel by itself, then a 1 x 1 convolution over the channels."""
    return [
        nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False),
        nn.Conv2d(in_channels, channels, 1),
    ]


class Down(nn.Module):
    """Two separable convolutions and a pooling that halves the size, beside a 1 x 1 convolution of stride 2."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before in (in_channels, channels):
            # Not in place: the shortcut wants the block's input as it came.
            layers += [nn.ReLU(), *separable(before, channels), nn.BatchNorm2d(channels)]
        # Rounded up, so that the last windows hang over on the right and below: what Keras calls "same".
        self.residual = nn.Sequential(*layers, nn.MaxPool2d(3, stride=2, ceil_mode=True))
        self.shortcut = StridedPointwise(in_channels, channels, 2, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W), both even, to (N, channels, H / 2, W / 2)."""
        out: Tensor = self.residual(x) + self.shortcut(x)
        return out


class Up(nn.Module):
    """Two transposed convolutions beside a 1 x 1 convolution; their sum doubles its size, each position repeated.

    The example repeats positions first and then puts its 1 x 1 convolution over four times as many: the same values.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before in (in_channels, channels):
            layers += [nn.ReLU(), nn.ConvTranspose2d(before, channels, 3, padding=1), nn.BatchNorm2d(channels)]
        self.residual = nn.Sequential(*layers)
        self.shortcut = nn.Conv2d(in_channels, channels, 1)
        self.upsampling = nn.Upsample(scale_factor=2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, channels, 2 H, 2 W)."""
        out: Tensor = self.upsampling(self.residual(x) + self.shortcut(x))
        return out


class UNetXception(Segmenter):
    """An entry convolution of `widths[0]` channels, a block down for each further width, and as many blocks up again.

    A picture is brought to a multiple of 2^len(widths) pixels by repeating its last row and column, and the answer cut
    back.
    """

    heads: ClassVar[tuple[str, ...]] = ("score",)

    def __init__(
        self,
        *,
        num_classes: int,
        in_channels: int,
        widths: Annotated[Sequence[int], Length(1, 6), Range(1, 2048)] = (32, 64, 128, 256),
    ) -> None:
        super().__init__()
        first, last = widths[0], widths[-1]
        self.multiple_px = 2 ** len(widths)
        self.entry = nn.Sequential(
            # Keras's "same" of stride 2 pads an even size on the right and below only.
            nn.ZeroPad2d((0, 1, 0, 1)),
            nn.Conv2d(in_channels, first, 3, stride=2),
            nn.BatchNorm2d(first),
            nn.ReLU(inplace=True),
        )
        self.down = nn.Sequential(*(Down(before, after) for before, after in pairwise(widths)))
        self.up = nn.Sequential(*(Up(before, after) for before, after in pairwise([last, *reversed(widths)])))
        self.score = nn.Conv2d(first, num_classes, 3, padding=1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.xavier_uniform_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised pictures to logits by pixel; see `Segmenter`."""
        states = self.up(self.down(self.entry(filled_to_multiple(x, self.multiple_px))))
        logits: Tensor = self.score(states)
        return cut_back(logits, x.shape[2:])
