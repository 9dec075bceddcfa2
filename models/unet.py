"""U-Net: Ronneberger, Fischer, Brox 2015, input 572 x 572 gray, 31.0 million parameters.

"U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015, arXiv:1505.04597: section 2, figure 1,
and for first weights and dropout sections 3 and 3.1. How much is dropped the paper does not say: the authors' network
file has 0.5 after each of the two lowest levels. That file has a ReLU after every up-convolution as well, which the
paper does not name and which is not built.
"""

from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor, nn

from models.options import Range
from models.padding import cut_back, filled_to_multiple, mirrored
from models.segmenter import Segmenter

Padding = Literal["same", "valid"]
"""same: convolutions keep the size. valid: they have no padding, as in the paper."""


class UNet(Segmenter):
    """A contracting path of `depth` poolings, and an expansive path that takes up what each of its levels saw.

    `width` is the number of channels at the top, doubled by every pooling. `normalised` adds batch normalisation
    (Ioffe, Szegedy 2015), which is younger than the paper's habits, after each 3 x 3 convolution, which then has no
    biases; `dropout` is the share that is dropped after the two lowest levels. The defaults are the form that people
    use; `padding="valid", normalised=False` is the paper's network, whose 31,030,658 parameters for one channel and two
    classes both paddings share.

    With `padding="same"` a picture is brought to a multiple of 2^depth pixels by repeating its last row and column, and
    the answer cut back. With "valid" every 3 x 3 convolution takes two pixels off and skips are cropped to what is
    left; so that the answer has the picture's size, the picture is continued by mirroring (figure 2), at depth 4 by 92
    pixels on each side.
    """

    heads: ClassVar[tuple[str, ...]] = ("score",)

    def __init__(
        self,
        *,
        num_classes: int,
        in_channels: int,
        width: Annotated[int, Range(1, 1024)] = 64,
        depth: Annotated[int, Range(1, 8)] = 4,
        padding: Padding = "same",
        normalised: bool = True,
        dropout: Annotated[float, Range(0, 1)] = 0.5,
    ) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]

        def block(before: int, after: int) -> nn.Sequential:
            layers: list[nn.Module] = []
            for channels in (before, after):
                layers.append(nn.Conv2d(channels, after, 3, padding=1 if padding == "same" else 0, bias=not normalised))
                if normalised:
                    layers.append(nn.BatchNorm2d(after))
                layers.append(nn.ReLU(inplace=True))
            return nn.Sequential(*layers)

        self.padding = padding
        self.contracting = nn.ModuleList(map(block, [in_channels, *widths], widths))
        self.pooling = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(dropout)
        self.up_convolutions = nn.ModuleList(
            nn.ConvTranspose2d(2 * channels, channels, 2, stride=2) for channels in reversed(widths[:-1])
        )
        self.expansive = nn.ModuleList(block(2 * channels, channels) for channels in reversed(widths[:-1]))
        self.score = nn.Conv2d(width, num_classes, 1)
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised pictures to logits by pixel; see `Segmenter`."""
        logits: Tensor = self.score(self._states(self._continued(x)))
        return cut_back(logits, x.shape[2:])

    def _continued(self, x: Tensor) -> Tensor:
        """The picture, as much larger as the network needs it for an answer of at least the picture's size."""
        depth = len(self.up_convolutions)
        if self.padding == "same":
            return filled_to_multiple(x, 2**depth)
        # Of n positions at the lowest level, 2^depth n - 4 (2^depth - 1) pixels become answers.
        step, border = 2**depth, 6 * 2**depth - 4
        lowest = ((pixels + 4 * (step - 1) + step - 1) // step for pixels in x.shape[2:])
        height, width = (step * count - 4 * (step - 1) + 2 * border for count in lowest)
        return mirrored(x, border, (height, width))

    def _states(self, x: Tensor) -> Tensor:
        """Maps (N, width, h, w) before the last convolution."""
        depth = len(self.up_convolutions)
        seen: list[Tensor] = []
        for level, block in enumerate(self.contracting):
            x = block(x if level == 0 else self.pooling(x))
            if level >= depth - 1:
                x = self.dropout(x)
            seen.append(x)
        crop = 4
        for up, block, past in zip(self.up_convolutions, self.expansive, reversed(seen[:-1]), strict=True):
            if self.padding == "valid":
                past = past[:, :, crop:-crop, crop:-crop]
                crop = 2 * crop + 8
            x = block(torch.cat([past, up(x)], dim=1))
        return x


def _initialise(network: nn.Module) -> None:
    """Draw weights from a Gaussian of variance 2 / N, for N values that go into one of the result (section 3).

    Biases are zero.
    """
    for layer in network.modules():
        if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            continue
        # Windows of up-convolutions do not overlap: one value comes from one position.
        incoming = layer.in_channels if isinstance(layer, nn.ConvTranspose2d) else layer.weight[0].numel()
        nn.init.normal_(layer.weight, std=(2 / incoming) ** 0.5)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
