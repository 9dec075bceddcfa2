"""GoogLeNet: Szegedy et al. 2014, input 224 x 224 colour, 6,624,904 parameters; 13,004,888 with auxiliary classifiers.

"Going Deeper with Convolutions", CVPR 2015, arXiv:1409.4842: section 5, table 1 and figure 3. This is the network of
the public checkpoint. Where that differs from the paper: batch normalisation follows each convolution, which has no
bias then, and takes the place of local response normalisation; the third branch of a module has a 3 x 3 convolution
for the paper's 5 x 5; the pooling before module 5a is 2 x 2 for the paper's 3 x 3; the auxiliary classifiers average
to 4 x 4 maps whatever the input is; dropout before the last layer is 0.2 for the paper's 0.4.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from models.classifier import PooledClassifier
from models.facts import Stem
from models.initialisation import initialise_for_relu


class NormalisedConv(nn.Module):
    """A convolution that keeps the size if its stride is 1, batch normalisation and ReLU."""

    def __init__(self, in_channels: int, channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, channels, H / stride, W / stride), rounded up."""
        return torch.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """Four branches beside one another, their maps concatenated (figure 2b).

    `narrow` are the channels of the 1 x 1 convolutions that reduce, and `wide` those of the 3 x 3 ones after them,
    each pair for branches 2 and 3; `single` and `pooled` are those of branches 1 and 4.
    """

    def __init__(
        self, in_channels: int, single: int, narrow: tuple[int, int], wide: tuple[int, int], pooled: int
    ) -> None:
        super().__init__()
        self.branch1 = NormalisedConv(in_channels, single, 1)
        self.branch2 = nn.Sequential(NormalisedConv(in_channels, narrow[0], 1), NormalisedConv(narrow[0], wide[0], 3))
        self.branch3 = nn.Sequential(NormalisedConv(in_channels, narrow[1], 1), NormalisedConv(narrow[1], wide[1], 3))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), NormalisedConv(in_channels, pooled, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, sum of the branches, H, W)."""
        return torch.cat((self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)), dim=1)


class Auxiliary(nn.Module):
    """A classifier on maps halfway, which brings gradients there in training (section 5)."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv = NormalisedConv(in_channels, 128, 1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to logits (N, classes)."""
        x = self.conv(F.adaptive_avg_pool2d(x, (4, 4))).flatten(1)
        logits: Tensor = self.fc2(self.dropout(torch.relu(self.fc1(x))))
        return logits


class GoogLeNet(PooledClassifier):
    """Nine Inception modules; the map is the classic CAM at the last of them: (N, 7, 7) at 224 x 224.

    With `stem="small"` the first convolution is 3 x 3 with stride 1 and the pooling after it is left out: pictures of
    28 x 28 reach the first module as 14 x 14 and the last as 4 x 4.
    """

    cam_layer = "inception5b"
    heads: ClassVar[tuple[str, ...]] = ("fc", "aux1.fc2", "aux2.fc2")
    auxiliary: ClassVar[tuple[str, ...]] = ("aux1", "aux2")
    auxiliary_weight: ClassVar[float] = 0.3  # Section 5.

    def __init__(self, *, num_classes: int, in_channels: int, stem: Stem = "imagenet") -> None:
        super().__init__()
        small = stem == "small"
        self.conv1 = NormalisedConv(in_channels, 64, 3) if small else NormalisedConv(in_channels, 64, 7, stride=2)
        self.maxpool1 = nn.Identity() if small else nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = NormalisedConv(64, 64, 1)
        self.conv3 = NormalisedConv(64, 192, 3)
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = Inception(192, 64, (96, 16), (128, 32), 32)
        self.inception3b = Inception(256, 128, (128, 32), (192, 96), 64)
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = Inception(480, 192, (96, 16), (208, 48), 64)
        self.inception4b = Inception(512, 160, (112, 24), (224, 64), 64)
        self.inception4c = Inception(512, 128, (128, 24), (256, 64), 64)
        self.inception4d = Inception(512, 112, (144, 32), (288, 64), 64)
        self.inception4e = Inception(528, 256, (160, 32), (320, 128), 128)
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a = Inception(832, 256, (160, 32), (320, 128), 128)
        self.inception5b = Inception(832, 384, (192, 48), (384, 128), 128)
        self.aux1 = Auxiliary(512, num_classes)
        self.aux2 = Auxiliary(528, num_classes)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(1024, num_classes)
        initialise_for_relu(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised pictures (N, C, H, W) to logits (N, classes)."""
        return self._classified(self.activations(x))

    def training_logits(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (N, classes) of the network and of the classifiers after modules 4a and 4d."""
        early, middle, last = self._stages(x)
        return self._classified(last), self.aux1(early), self.aux2(middle)

    def activations(self, x: Tensor) -> Tensor:
        """Maps of the last module; see `PooledClassifier`."""
        return self._stages(x)[-1]

    def _stages(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps of the modules that classifiers follow: 4a, 4d and 5b."""
        x = self.conv3(self.conv2(self.maxpool1(self.conv1(x))))
        x = self.inception3b(self.inception3a(self.maxpool2(x)))
        early = self.inception4a(self.maxpool3(x))
        middle = self.inception4d(self.inception4c(self.inception4b(early)))
        last = self.inception5b(self.inception5a(self.maxpool4(self.inception4e(middle))))
        return early, middle, last

    def _classified(self, activations: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.dropout(activations.mean(dim=(2, 3))))
        return logits
