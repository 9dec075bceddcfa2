"""AlexNet-GAP and VGG16-GAP: Zhou et al. 2015, input 224 x 224 colour, 5.9 and 20.5 million parameters.

Zhou, Khosla, Lapedriza, Oliva, Torralba: "Learning Deep Features for Discriminative Localization", CVPR 2016,
arXiv:1512.04150, section 3. Of AlexNet the layers after the fifth convolution are removed, of VGG16 those after its
last, the pooling included, which leaves maps of 13 x 13 and 14 x 14; then come a 3 x 3 convolution of 1024 units,
global average pooling and one linear layer.

The paper adds two convolutions to AlexNet for a second network, AlexNet*-GAP, because AlexNet loses most without its
head; the authors' public file of it has two of 512 units in groups and a pooling before them. Their file of VGG16-GAP
splits the new convolution into two groups and drops half of the averages in training. Built is what the text says,
on the `features` of our AlexNet and VGG16, under the same names: `load_state_dict` with `strict=False` takes those of a
public checkpoint and passes over its `classifier`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models import alexnet, vgg
from models.classifier import PooledClassifier
from models.facts import Stem
from models.initialisation import initialise_for_relu


class GapVariant(PooledClassifier):
    """The `features` of a network, with one more convolution; the map is the classic CAM at `conv6`."""

    cam_layer = "conv6"

    def __init__(self, features: Sequence[nn.Module], *, channels: int, num_classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(*features)
        self.conv6 = nn.Conv2d(channels, 1024, 3, padding=1)
        self.fc = nn.Linear(1024, num_classes)
        initialise_for_relu(self)

    def activations(self, x: Tensor) -> Tensor:
        """States of the new convolution; see `PooledClassifier`."""
        return torch.relu(self.conv6(self.features(x)))


def alexnet_gap(*, num_classes: int, in_channels: int, stem: Stem = "imagenet") -> GapVariant:
    """AlexNet without its head; with `stem="small"` as there, so that 28 x 28 pixels make maps of 6 x 6."""
    features = alexnet.convolution_layers(in_channels, stem)[:-1]
    return GapVariant(features, channels=256, num_classes=num_classes)


def vgg16_gap(*, num_classes: int, in_channels: int, stem: Stem = "imagenet") -> GapVariant:
    """VGG16 without its head.

    With `stem="small"` the fourth pooling is left out as well, so that 32 x 32 pixels make maps of 4 x 4, not 2 x 2.
    """
    features = vgg.convolution_layers(vgg.D, in_channels, normalised=False)[:-1]
    if stem == "small":
        poolings = [index for index, layer in enumerate(features) if isinstance(layer, nn.MaxPool2d)]
        features[poolings[-1]] = nn.Identity()
    return GapVariant(features, channels=512, num_classes=num_classes)
