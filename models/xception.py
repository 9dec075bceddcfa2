"""Xception: Chollet 2016, input 299 x 299 colour, 22,855,952 parameters.

"Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017, arXiv:1610.02357: figure 5 and section 4.
The hypothesis of section 1.2, an "extreme" Inception module, has the 1 x 1 convolution first and the spatial one of
each channel after it. The paper takes this order for unimportant in a stack of such layers; the public checkpoint,
which this follows, has the spatial convolution first. Dropout of 0.5 before the last layer is the paper's (section
4.3).
"""

from itertools import pairwise
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from models.classifier import PooledClassifier
from models.facts import Stem
from models.initialisation import initialise_for_relu
from models.options import Range
from models.strided import StridedPointwise

Intermediate = Literal["relu", "elu"] | None
"""What stands between the spatial and the 1 x 1 convolution (section 4.7); nothing in the paper's network."""


class SeparableConv(nn.Module):
    """A 3 x 3 convolution of each channel by itself, then a 1 x 1 convolution over the channels."""

    def __init__(self, in_channels: int, channels: int, intermediate: Intermediate) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False)
        self.intermediate = {None: nn.Identity, "relu": nn.ReLU, "elu": nn.ELU}[intermediate]()
        self.pointwise = nn.Conv2d(in_channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, channels, H, W)."""
        out: Tensor = self.pointwise(self.intermediate(self.conv1(x)))
        return out


class Block(nn.Module):
    """Separable convolutions beside a shortcut, which is a projection where the shape changes.

    `channels` are those of the input and of each convolution. A stride above 1 is that of a pooling at the end.
    """

    def __init__(
        self, channels: tuple[int, ...], stride: int, *, first_relu: bool, residual: bool, intermediate: Intermediate
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            layers += [nn.ReLU(), SeparableConv(before, after, intermediate), nn.BatchNorm2d(after)]
        if not first_relu:
            del layers[0]
        if stride > 1:
            layers.append(nn.MaxPool2d(3, stride=stride, padding=1))
        self.rep = nn.Sequential(*layers)
        self.residual = residual
        self.skip: StridedPointwise | None = None
        if residual and (stride > 1 or channels[0] != channels[-1]):
            self.skip = StridedPointwise(channels[0], channels[-1], stride, bias=False)
            self.skipbn = nn.BatchNorm2d(channels[-1])

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, first, H, W) to (N, last, H / stride, W / stride), rounded up."""
        out: Tensor = self.rep(x)
        if not self.residual:
            return out
        return out + (x if self.skip is None else self.skipbn(self.skip(x)))


class Xception(PooledClassifier):
    """Entry, middle and exit flow (figure 5); the map is the classic CAM after `bn4` and ReLU: (N, 10, 10) at 299.

    With `stem="small"` the first two convolutions keep the size and the last pooling is left out: pictures of 28 x 28
    are 4 x 4 from the middle flow on. `residual` and `intermediate_activation` are the paper's ablations (sections
    4.6 and 4.7). `width` multiplies the channels of all layers, to the nearest multiple of eight.
    """

    cam_layer = "bn4"

    def __init__(
        self,
        *,
        num_classes: int,
        in_channels: int,
        stem: Stem = "imagenet",
        residual: bool = True,
        intermediate_activation: Intermediate = None,
        width: Annotated[float, Range(0.1, 4)] = 1.0,
    ) -> None:
        super().__init__()

        def wide(channels: int) -> int:
            return max(8, round(channels * width / 8) * 8)

        def block(*channels: int, stride: int = 1, first_relu: bool = True) -> Block:
            widths = tuple(map(wide, channels))
            intermediate = intermediate_activation
            return Block(widths, stride, first_relu=first_relu, residual=residual, intermediate=intermediate)

        small = stem == "small"
        self.conv1 = nn.Conv2d(
            in_channels, wide(32), 3, stride=1 if small else 2, padding=1 if small else 0, bias=False
        )
        self.bn1 = nn.BatchNorm2d(wide(32))
        self.conv2 = nn.Conv2d(wide(32), wide(64), 3, padding=1 if small else 0, bias=False)
        self.bn2 = nn.BatchNorm2d(wide(64))
        self.block1 = block(64, 128, 128, stride=2, first_relu=False)
        self.block2 = block(128, 256, 256, stride=2)
        self.block3 = block(256, 728, 728, stride=2)
        self.block4 = block(728, 728, 728, 728)
        self.block5 = block(728, 728, 728, 728)
        self.block6 = block(728, 728, 728, 728)
        self.block7 = block(728, 728, 728, 728)
        self.block8 = block(728, 728, 728, 728)
        self.block9 = block(728, 728, 728, 728)
        self.block10 = block(728, 728, 728, 728)
        self.block11 = block(728, 728, 728, 728)
        self.block12 = block(728, 728, 1024, stride=1 if small else 2)
        self.conv3 = SeparableConv(wide(1024), wide(1536), intermediate_activation)
        self.bn3 = nn.BatchNorm2d(wide(1536))
        self.conv4 = SeparableConv(wide(1536), wide(2048), intermediate_activation)
        self.bn4 = nn.BatchNorm2d(wide(2048))
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(wide(2048), num_classes)
        initialise_for_relu(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised pictures (N, C, H, W) to logits (N, classes)."""
        logits: Tensor = self.fc(self.dropout(self.activations(x).mean(dim=(2, 3))))
        return logits

    def activations(self, x: Tensor) -> Tensor:
        """Maps at the end of the exit flow; see `PooledClassifier`."""
        x = torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))))
        x = self.block3(self.block2(self.block1(x)))
        x = self.block7(self.block6(self.block5(self.block4(x))))
        x = self.block11(self.block10(self.block9(self.block8(x))))
        x = torch.relu(self.bn3(self.conv3(self.block12(x))))
        return torch.relu(self.bn4(self.conv4(x)))
