"""AlexNet: Krizhevsky, Sutskever, Hinton 2012, input 224 x 224 colour, 61.1 million parameters.

"ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012, section 3. The paper spreads the network
over two GPUs: convolutions of 96, 256, 384, 384 and 256 units, of which the second, fourth and fifth see only the half
of the maps that lies on their own GPU (section 3.2), and local response normalisation after the first two
(section 3.3). Its overlapping poolings, 3 x 3 with stride 2, are here as well (section 3.4).

Built is the public checkpoint's network, after the variant for one GPU of Krizhevsky 2014, "One weird trick for
parallelizing convolutional neural networks", arXiv:1404.5997: no groups, and 64, 192, 384, 384 and 256 units
(footnote 1). The checkpoint has 256 units in the fourth convolution too, as that paper's own program, and no response
normalisation. Padding of 2 before the first convolution makes 55 x 55 of 224 x 224, where the paper names no padding.
"""

from typing import ClassVar

from torch import nn

from models.facts import Stem
from models.fully_connected import FeaturesClassifier
from models.initialisation import initialise_for_relu


class AlexNet(FeaturesClassifier):
    """Five convolutions and three fully connected layers, for pictures of 63 x 63 and more; 61,100,840 parameters.

    The map is Grad-CAM at the last convolution, after its ReLU: (N, 13, 13) at 224 x 224.

    With `stem="small"`, for pictures of 28 x 28 or 32 x 32, the first convolution is 3 x 3 with stride 1 and the last
    pooling is left out. So the head sees 6 x 6 positions of 28 x 28, as it does of 224 x 224, and keeps its shapes.
    """

    cam_layer = "features.11"
    heads: ClassVar[tuple[str, ...]] = ("classifier.6",)
    grid = (6, 6)

    def __init__(self, *, num_classes: int, in_channels: int, stem: Stem = "imagenet") -> None:
        super().__init__()
        self.stride_px = 4 if stem == "small" else 32
        self.features = nn.Sequential(*convolution_layers(in_channels, stem))
        self.avgpool = nn.AdaptiveAvgPool2d(self.grid)
        self.classifier = nn.Sequential(
            nn.Dropout(),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, num_classes),
        )
        initialise_for_relu(self)


def convolution_layers(in_channels: int, stem: Stem) -> list[nn.Module]:
    """Make the layers before the head, by the public checkpoint's numbers; the last is the pooling or its absence."""
    small = stem == "small"
    # In place, because training keeps every state: half the memory, and no convolution wants its own output.
    return [
        nn.Conv2d(in_channels, 64, 3, padding=1) if small else nn.Conv2d(in_channels, 64, 11, stride=4, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Identity() if small else nn.MaxPool2d(3, stride=2),
    ]
