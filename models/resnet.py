"""ResNet: He, Zhang, Ren, Sun 2015, input 224 x 224 colour, 11.7 to 60.2 million parameters; 0.27 for ResNet-20.

"Deep Residual Learning for Image Recognition", CVPR 2016, arXiv:1512.03385: sections 3.3 and 4.1 for ImageNet,
section 4.2 for CIFAR. Where the paper and the public checkpoints differ, this follows the checkpoints: in blocks
with a bottleneck the 3 x 3 convolution has the stride, in the paper the 1 x 1 convolution before it. Shortcuts
that change their shape are projections (option B), in ResNet-20 subsampled and filled with zeros (option A).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from models.classifier import PooledClassifier
from models.facts import Stem

Shortcut = Callable[[int, int, int], nn.Module]


class Subsampled(nn.Module):
    """Option A: every second position, more channels filled with zeros; nothing to learn."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.new_channels = channels - in_channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, channels, H / stride, W / stride)."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))


def projected(in_channels: int, channels: int, stride: int) -> nn.Module:
    """Option B: a 1 x 1 convolution with normalisation."""
    return nn.Sequential(nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels))


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut (figure 5, left)."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int, shortcut: Shortcut) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        changes = stride != 1 or in_channels != width
        self.downsample = shortcut(in_channels, width, stride) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, width, H / stride, W / stride)."""
        residual = torch.relu(self.bn1(self.conv1(x)))
        residual = self.bn2(self.conv2(residual))
        return torch.relu(residual + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """A 3 x 3 convolution between 1 x 1 ones that narrow and widen, beside a shortcut (figure 5, right).

    With a `dilation` the taps of the 3 x 3 convolution lie so many positions apart.
    """

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int, shortcut: Shortcut, *, dilation: int = 1) -> None:
        super().__init__()
        channels = width * self.expansion
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        changes = stride != 1 or in_channels != channels
        self.downsample = shortcut(in_channels, channels, stride) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, 4 width, H / stride, W / stride)."""
        residual = torch.relu(self.bn1(self.conv1(x)))
        residual = torch.relu(self.bn2(self.conv2(residual)))
        residual = self.bn3(self.conv3(residual))
        return torch.relu(residual + (x if self.downsample is None else self.downsample(x)))


class ResNet(PooledClassifier):
    """The networks for ImageNet (table 1); the map is the classic CAM at `layer4`: (N, 7, 7) at 224 x 224.

    `blocks` counts the blocks of the four stages. With `stem="small"` the first convolution is 3 x 3 with stride 1
    and no pooling follows, as in section 4.2: pictures of 32 x 32 reach `layer4` as 4 x 4.
    """

    cam_layer = "layer4"

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        blocks: tuple[int, int, int, int],
        *,
        num_classes: int,
        in_channels: int,
        stem: Stem = "imagenet",
    ) -> None:
        super().__init__()
        small = stem == "small"
        self.conv1 = (
            nn.Conv2d(in_channels, 64, 3, padding=1, bias=False)
            if small
            else nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False)
        )
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.Identity() if small else nn.MaxPool2d(3, stride=2, padding=1)
        widths = [64, *(width * block.expansion for width in (64, 128, 256, 512))]
        self.layer1 = _stage(block, widths[0], 64, blocks[0], 1, projected)
        self.layer2 = _stage(block, widths[1], 128, blocks[1], 2, projected)
        self.layer3 = _stage(block, widths[2], 256, blocks[2], 2, projected)
        self.layer4 = _stage(block, widths[3], 512, blocks[3], 2, projected)
        self.fc = nn.Linear(widths[4], num_classes)
        initialise(self)

    def activations(self, x: Tensor) -> Tensor:
        """States of the last stage; see `PooledClassifier`."""
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        states: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return states


class ResNet20(PooledClassifier):
    """The 20 layers for CIFAR (section 4.2), 269,722 parameters; the map is the CAM at `layer3`: 8 x 8 at 32 x 32."""

    cam_layer = "layer3"

    def __init__(self, *, num_classes: int, in_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = _stage(BasicBlock, 16, 16, 3, 1, Subsampled)
        self.layer2 = _stage(BasicBlock, 16, 32, 3, 2, Subsampled)
        self.layer3 = _stage(BasicBlock, 32, 64, 3, 2, Subsampled)
        self.fc = nn.Linear(64, num_classes)
        initialise(self)

    def activations(self, x: Tensor) -> Tensor:
        """States of the last stage; see `PooledClassifier`."""
        states: Tensor = self.layer3(self.layer2(self.layer1(torch.relu(self.bn1(self.conv1(x))))))
        return states


def resnet18(*, num_classes: int, in_channels: int, stem: Stem = "imagenet") -> ResNet:
    """18 layers, 11,689,512 parameters for 1000 classes."""
    return ResNet(BasicBlock, (2, 2, 2, 2), num_classes=num_classes, in_channels=in_channels, stem=stem)


def resnet34(*, num_classes: int, in_channels: int, stem: Stem = "imagenet") -> ResNet:
    """34 layers, 21,797,672 parameters for 1000 classes."""
    return ResNet(BasicBlock, (3, 4, 6, 3), num_classes=num_classes, in_channels=in_channels, stem=stem)


def resnet50(*, num_classes: int, in_channels: int, stem: Stem = "imagenet") -> ResNet:
    """50 layers, 25,557,032 parameters for 1000 classes."""
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes=num_classes, in_channels=in_channels, stem=stem)


def resnet101(*, num_classes: int, in_channels: int, stem: Stem = "imagenet") -> ResNet:
    """101 layers, 44,549,160 parameters for 1000 classes."""
    return ResNet(Bottleneck, (3, 4, 23, 3), num_classes=num_classes, in_channels=in_channels, stem=stem)


def resnet152(*, num_classes: int, in_channels: int, stem: Stem = "imagenet") -> ResNet:
    """152 layers, 60,192,808 parameters for 1000 classes."""
    return ResNet(Bottleneck, (3, 8, 36, 3), num_classes=num_classes, in_channels=in_channels, stem=stem)


def _stage(
    block: type[BasicBlock | Bottleneck], in_channels: int, width: int, count: int, stride: int, shortcut: Shortcut
) -> nn.Sequential:
    """Blocks of one width, the first of which has the stride."""
    rest = [block(width * block.expansion, width, 1, shortcut) for _ in range(count - 1)]
    return nn.Sequential(block(in_channels, width, stride, shortcut), *rest)


def initialise(network: nn.Module) -> None:
    """Draw convolutions as He et al. 2015 do, "Delving Deep into Rectifiers"."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
