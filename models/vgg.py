"""VGG16 and VGG19: Simonyan, Zisserman 2014, input 224 x 224 colour, 138.4 and 143.7 million parameters.

"Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015, arXiv:1409.1556: section 2, table 1,
configurations D and E. The public checkpoints are built as the paper says. Those of the `_bn` variants have batch
normalisation (Ioffe, Szegedy 2015), which is younger than the paper, between each convolution and its ReLU, and keep
the convolutions' biases. The paper trains by way of shallower networks (section 3.1); He's first weights spare that.
"""

from typing import ClassVar

from torch import nn

from models.facts import Stem
from models.fully_connected import FeaturesClassifier
from models.initialisation import initialise_for_relu

WIDTHS = (64, 128, 256, 512, 512)
D = (2, 2, 3, 3, 3)
E = (2, 2, 4, 4, 4)


class Vgg(FeaturesClassifier):
    """Five rounds of 3 x 3 convolutions and a 2 x 2 pooling, then three fully connected layers.

    `depths` counts the convolutions of each round, `normalised` adds batch normalisation. Pictures have at least
    32 x 32 pixels. The map is Grad-CAM at the last convolution, after its ReLU: (N, 14, 14) at 224 x 224.

    With `stem="small"`, for pictures of 32 x 32, of which the five poolings leave one position, that position is all
    the head sees, through two hidden layers of 512 units; the convolutions stay as they are. So, with a smaller head
    and batch normalisation, Liu and Deng bring VGG16 to CIFAR-10: "Very Deep Convolutional Neural Network Based Image
    Classification Using Small Training Sample Size", ACPR 2015. Pictures of 28 x 28 want a border of two pixels.
    """

    heads: ClassVar[tuple[str, ...]] = ("classifier.6",)
    stride_px = 32

    def __init__(
        self,
        depths: tuple[int, int, int, int, int],
        *,
        normalised: bool,
        num_classes: int,
        in_channels: int,
        stem: Stem = "imagenet",
    ) -> None:
        super().__init__()
        self.grid, units = ((1, 1), 512) if stem == "small" else ((7, 7), 4096)
        self.features = nn.Sequential(*convolution_layers(depths, in_channels, normalised=normalised))
        self.cam_layer = f"features.{len(self.features) - 2}"
        self.avgpool = nn.AdaptiveAvgPool2d(self.grid)
        self.classifier = nn.Sequential(
            nn.Linear(512 * self.grid[0] * self.grid[1], units),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(units, units),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(units, num_classes),
        )
        initialise_for_relu(self)


def vgg16(*, num_classes: int, in_channels: int, stem: Stem = "imagenet") -> Vgg:
    """Configuration D, 138,357,544 parameters for 1000 classes."""
    return Vgg(D, normalised=False, num_classes=num_classes, in_channels=in_channels, stem=stem)


def vgg19(*, num_classes: int, in_channels: int, stem: Stem = "imagenet") -> Vgg:
    """Configuration E, 143,667,240 parameters for 1000 classes."""
    return Vgg(E, normalised=False, num_classes=num_classes, in_channels=in_channels, stem=stem)


def vgg16_bn(*, num_classes: int, in_channels: int, stem: Stem = "imagenet") -> Vgg:
    """Configuration D with batch normalisation, 138,365,992 parameters for 1000 classes."""
    return Vgg(D, normalised=True, num_classes=num_classes, in_channels=in_channels, stem=stem)


def vgg19_bn(*, num_classes: int, in_channels: int, stem: Stem = "imagenet") -> Vgg:
    """Configuration E with batch normalisation, 143,678,248 parameters for 1000 classes."""
    return Vgg(E, normalised=True, num_classes=num_classes, in_channels=in_channels, stem=stem)


def convolution_layers(
    depths: tuple[int, int, int, int, int], in_channels: int, *, normalised: bool
) -> list[nn.Module]:
    """Make the layers before the head, by the public checkpoints' numbers; the last is the fifth pooling."""
    layers: list[nn.Module] = []
    for depth, width in zip(depths, WIDTHS, strict=True):
        for _ in range(depth):
            layers.append(nn.Conv2d(in_channels, width, 3, padding=1))
            if normalised:
                layers.append(nn.BatchNorm2d(width))
            # In place, because training keeps every state: neither layer before it wants its own output back.
            layers.append(nn.ReLU(inplace=True))
            in_channels = width
        layers.append(nn.MaxPool2d(2))
    return layers
