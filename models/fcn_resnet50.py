"""FCN-ResNet50: Long et al. and He et al. 2015, input 520 x 520 colour, 32,957,013 parameters; 35,322,218 in training.

As the public checkpoint has it, which no paper describes: ResNet-50 whose last two stages have dilated convolutions in
place of their strides (Yu, Koltun: "Multi-Scale Context Aggregation by Dilated Convolutions", ICLR 2016,
arXiv:1511.07122), so that its maps are an eighth of the picture; a small head of convolutions; bilinear interpolation
in place of skips and transposed convolutions. A second head, on the third stage, takes part in training with half the
weight.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from models.resnet import Bottleneck, initialise, projected
from models.segmenter import Segmenter


class DilatedResNet50(nn.Module):
    """The stages of ResNet-50, whose last two see further instead of making their maps smaller."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(64, 64, 3)
        self.layer2 = _stage(256, 128, 4, stride=2)
        self.layer3 = _stage(512, 256, 6, dilations=(1, 2))
        self.layer4 = _stage(1024, 512, 3, dilations=(2, 4))
        initialise(self)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map pictures (N, C, H, W) to the states of the last two stages, (N, 1024, h, w) and (N, 2048, h, w)."""
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        third = self.layer3(self.layer2(self.layer1(x)))
        return third, self.layer4(third)


class FcnResNet50(Segmenter):
    """Class scores at an eighth of the picture's resolution, interpolated to its size; pixel centres stay aligned."""

    heads: ClassVar[tuple[str, ...]] = ("classifier.4", "aux_classifier.4")
    auxiliary: ClassVar[tuple[str, ...]] = ("aux_classifier",)
    auxiliary_weight: ClassVar[float] = 0.5

    def __init__(self, *, num_classes: int, in_channels: int) -> None:
        super().__init__()
        self.backbone = DilatedResNet50(in_channels)
        self.classifier = _head(2048, num_classes)
        self.aux_classifier = _head(1024, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised pictures to logits by pixel; see `Segmenter`."""
        _, states = self.backbone(x)
        return _interpolated(self.classifier(states), x)

    def training_logits(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits by pixel of both heads; see `Network`."""
        third, states = self.backbone(x)
        return _interpolated(self.classifier(states), x), _interpolated(self.aux_classifier(third), x)


def _stage(
    in_channels: int, width: int, count: int, *, stride: int = 1, dilations: tuple[int, int] = (1, 1)
) -> nn.Sequential:
    """Blocks of one width, the first of which has the stride and the first dilation, the others the second."""
    first, rest = dilations
    others = [Bottleneck(4 * width, width, 1, projected, dilation=rest) for _ in range(count - 1)]
    return nn.Sequential(Bottleneck(in_channels, width, stride, projected, dilation=first), *others)


def _head(in_channels: int, num_classes: int) -> nn.Sequential:
    width = in_channels // 4
    return nn.Sequential(
        nn.Conv2d(in_channels, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Conv2d(width, num_classes, 1),
    )


def _interpolated(scores: Tensor, picture: Tensor) -> Tensor:
    return F.interpolate(scores, size=picture.shape[2:], mode="bilinear", align_corners=False)
