"""DenseNet: Huang, Liu, van der Maaten, Weinberger 2016, input 224 x 224 colour, 8.0 to 20.0 million parameters.

"Densely Connected Convolutional Networks", CVPR 2017, arXiv:1608.06993: section 3 and table 1 for ImageNet, section
4.2 for CIFAR. All networks here are of the kind BC: bottlenecks of four times the growth rate, and transitions that
halve the channels. As in the public checkpoints, a normalisation follows the first convolution. The paper does not
mention one for CIFAR; kept there too, it makes DenseNet-BC (L = 100, k = 12) one of 768,778 parameters for gray
pictures and ten classes. The paper's dropout, for training without augmentation only, is left out.
"""

from collections import OrderedDict
from typing import ClassVar

import torch
from torch import Tensor, nn

from models.classifier import PooledClassifier
from models.facts import Stem
from models.initialisation import initialise_for_relu


class DenseLayer(nn.Module):
    """A 1 x 1 and a 3 x 3 convolution, each after normalisation and ReLU, whose maps join those they were made from."""

    def __init__(self, in_channels: int, growth: int) -> None:
        super().__init__()
        width = 4 * growth
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, in + growth, H, W), the new maps last."""
        new = self.conv1(torch.relu(self.norm1(x)))
        new = self.conv2(torch.relu(self.norm2(new)))
        # One pair per layer: with a list of all maps so far, the backward pass has many small sums in place of one.
        return torch.cat((x, new), dim=1)


class DenseNet(PooledClassifier):
    """Dense blocks with transitions between them; the map is the classic CAM after the last normalisation and ReLU.

    `blocks` counts the layers of each block, `growth` is k, the maps that each layer adds, and `stem_channels` are
    those of the first convolution. With `stem="small"` that is 3 x 3 with stride 1, and no pooling follows, as in
    section 4.2. Maps are (N, 7, 7) at 224 x 224, and with three blocks and the small stem (N, 8, 8) at 32 x 32.
    """

    cam_layer = "features.norm5"
    heads: ClassVar[tuple[str, ...]] = ("classifier",)

    def __init__(
        self,
        growth: int,
        blocks: tuple[int, ...],
        stem_channels: int,
        *,
        num_classes: int,
        in_channels: int,
        stem: Stem = "imagenet",
    ) -> None:
        super().__init__()
        layers = _stem(in_channels, stem_channels, stem)
        channels = stem_channels
        for number, count in enumerate(blocks, start=1):
            layers[f"denseblock{number}"] = nn.Sequential(
                OrderedDict((f"denselayer{i + 1}", DenseLayer(channels + i * growth, growth)) for i in range(count))
            )
            channels += count * growth
            if number < len(blocks):
                layers[f"transition{number}"] = _transition(channels)
                channels //= 2
        layers["norm5"] = nn.BatchNorm2d(channels)
        self.features = nn.Sequential(layers)
        self.classifier = nn.Linear(channels, num_classes)
        initialise_for_relu(self)

    def activations(self, x: Tensor) -> Tensor:
        """Maps of the last block, normalised; see `PooledClassifier`."""
        return torch.relu(self.features(x))


def densenet121(*, num_classes: int, in_channels: int, stem: Stem = "imagenet") -> DenseNet:
    """121 layers, 7,978,856 parameters for 1000 classes."""
    return DenseNet(32, (6, 12, 24, 16), 64, num_classes=num_classes, in_channels=in_channels, stem=stem)


def densenet169(*, num_classes: int, in_channels: int, stem: Stem = "imagenet") -> DenseNet:
    """169 layers, 14,149,480 parameters for 1000 classes."""
    return DenseNet(32, (6, 12, 32, 32), 64, num_classes=num_classes, in_channels=in_channels, stem=stem)


def densenet201(*, num_classes: int, in_channels: int, stem: Stem = "imagenet") -> DenseNet:
    """201 layers, 20,013,928 parameters for 1000 classes."""
    return DenseNet(32, (6, 12, 48, 32), 64, num_classes=num_classes, in_channels=in_channels, stem=stem)


def densenet_bc_100_12(*, num_classes: int, in_channels: int) -> DenseNet:
    """100 layers, k = 12, for pictures of about 32 pixels: 768,778 parameters for gray ones and ten classes."""
    return DenseNet(12, (16, 16, 16), 24, num_classes=num_classes, in_channels=in_channels, stem="small")


def _stem(in_channels: int, channels: int, stem: Stem) -> OrderedDict[str, nn.Module]:
    """The layers before the first block."""
    small = stem == "small"
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv0"] = (
        nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        if small
        else nn.Conv2d(in_channels, channels, 7, stride=2, padding=3, bias=False)
    )
    layers["norm0"] = nn.BatchNorm2d(channels)
    layers["relu0"] = nn.ReLU()
    if not small:
        layers["pool0"] = nn.MaxPool2d(3, stride=2, padding=1)
    return layers


def _transition(channels: int) -> nn.Sequential:
    """Half the channels at half the height and width, (N, C, H, W) to (N, C / 2, H / 2, W / 2)."""
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(channels),
            relu=nn.ReLU(),
            conv=nn.Conv2d(channels, channels // 2, 1, bias=False),
            pool=nn.AvgPool2d(2),
        )
    )
