"""FCN-32s, FCN-16s, FCN-8s: Long, Shelhamer, Darrell 2015, input 500 x 500 colour, 134.3 to 134.4 million parameters.

"Fully Convolutional Networks for Semantic Segmentation", CVPR 2015, arXiv:1411.4038, and the longer form in PAMI 39(4),
2017, arXiv:1605.06211: sections 3 and 4. VGG16 whose fully connected layers are convolutions, a score layer that begins
at zero, and skips from the fourth and third pooling. Layers of the head have the names of the authors' files.

The authors pad the picture by 100 pixels, so that the unpadded window of fc6 fits into small ones, and cut the shifted
answers out. Here fc6 is padded by 3 positions and the picture is brought to a multiple of 32 pixels by repeating its
last row and column: maps of all strides stay aligned, and the answer is cut back.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from models.facts import Stem
from models.initialisation import initialise_for_relu
from models.options import Range
from models.padding import cut_back, filled_to_multiple
from models.segmenter import Segmenter
from models.upscore import FixedUpscore, Upscore
from models.vgg import WIDTHS, D, convolution_layers


class Fcn(Segmenter):
    """Scores at every `stride_px`-th pixel of the picture, interpolated.

    `stem="small"` goes with a VGG16 of that stem: fc6 sees one position, not 7 x 7. `normalised` makes the convolutions
    those of vgg16_bn. `head_width` counts the units of fc6 and of fc7.
    """

    stride_px: ClassVar[int]
    """32, 16 or 8."""

    def __init__(
        self,
        *,
        num_classes: int,
        in_channels: int,
        stem: Stem = "imagenet",
        normalised: bool = False,
        head_width: Annotated[int, Range(1, 4096)] = 4096,
    ) -> None:
        super().__init__()
        self.features = nn.Sequential(*convolution_layers(D, in_channels, normalised=normalised))
        window = 1 if stem == "small" else 7
        self.fc6 = nn.Conv2d(WIDTHS[4], head_width, window, padding=window // 2)
        self.fc7 = nn.Conv2d(head_width, head_width, 1)
        self.dropout = nn.Dropout()
        self.score_fr = _score(head_width, num_classes)
        if self.stride_px <= 16:
            self.upscore2 = Upscore(num_classes, 2)
            self.score_pool4 = _score(WIDTHS[3], num_classes)
        if self.stride_px <= 8:
            self.upscore_pool4 = Upscore(num_classes, 2)
            self.score_pool3 = _score(WIDTHS[2], num_classes)
        self.add_module(self._last, FixedUpscore(self.stride_px))
        initialise_for_relu(self.features)
        # Weights stay as torch draws them, smaller than He's, as in the head of a VGG.
        for layer in (self.fc6, self.fc7):
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised pictures to logits by pixel; see `Segmenter`."""
        third, fourth, fifth = self._pooled(filled_to_multiple(x, 32))
        states = self.dropout(torch.relu(self.fc6(fifth)))
        states = self.dropout(torch.relu(self.fc7(states)))
        scores = self.score_fr(states)
        if self.stride_px <= 16:
            scores = self.upscore2(scores) + self.score_pool4(fourth)
        if self.stride_px <= 8:
            scores = self.upscore_pool4(scores) + self.score_pool3(third)
        logits: Tensor = self.get_submodule(self._last)(scores)
        return cut_back(logits, x.shape[2:])

    def load_trunk(self, state: Mapping[str, Tensor]) -> None:
        """Take over the state of a VGG16 classifier, or of one of these networks with the same or a coarser stride.

        A classifier loses its last layer (section 4.1, "decapitate"); its two layers before that become fc6 and fc7
        where their shapes fit, and else are left out. What the state of a coarser network lacks stays as it is.

        Raises:
            ValueError: It is neither; the sentence names the first parameter that does not fit. Nothing is loaded.
        """
        own = self.state_dict()
        is_classifier = any(name.startswith("classifier.") for name in state)
        trunk = _decapitated(state, own) if is_classifier else _without_last(state)
        for name, tensor in trunk.items():
            if name not in own:
                raise ValueError(f"{type(self).__name__} has no parameter {name}")
            if tensor.shape != own[name].shape:
                raise ValueError(f"{name} is {_shape(tensor)}, where {type(self).__name__} has {_shape(own[name])}")
        for name in own:
            # Counters of batches, which nothing reads, are younger than many files.
            if name.startswith("features.") and name not in trunk and not name.endswith(".num_batches_tracked"):
                raise ValueError(f"{name} of {type(self).__name__} is not in the trunk")
        self.load_state_dict({**own, **trunk})

    @property
    def _last(self) -> str:
        return f"upscore{self.stride_px}"

    def _pooled(self, x: Tensor) -> list[Tensor]:
        """States after the third, the fourth and the fifth pooling."""
        pooled = []
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                pooled.append(x)
        return pooled[2:]


class Fcn32s(Fcn):
    """No skips; 134,346,581 parameters for 21 classes."""

    stride_px = 32
    heads: ClassVar[tuple[str, ...]] = ("score_fr",)


class Fcn16s(Fcn):
    """A skip from the fourth pooling; 134,364,410 parameters for 21 classes."""

    stride_px = 16
    heads: ClassVar[tuple[str, ...]] = ("score_fr", "upscore2", "score_pool4")


class Fcn8s(Fcn):
    """Skips from the fourth and the third pooling; 134,376,863 parameters for 21 classes."""

    stride_px = 8
    heads: ClassVar[tuple[str, ...]] = ("score_fr", "upscore2", "score_pool4", "upscore_pool4", "score_pool3")


def _score(in_channels: int, num_classes: int) -> nn.Conv2d:
    """A score layer, which begins at zero (sections 4.2 and 4.3)."""
    layer = nn.Conv2d(in_channels, num_classes, 1)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def _decapitated(classifier: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A classifier's state under the names here, as much of it as this network can use."""
    trunk = {name: tensor for name, tensor in classifier.items() if not name.startswith("classifier.")}
    head: dict[str, Tensor] = {}
    for here, there in (("fc6", "classifier.0"), ("fc7", "classifier.3")):
        weight, bias = classifier.get(f"{there}.weight"), classifier.get(f"{there}.bias")
        shape = own[f"{here}.weight"].shape
        if weight is None or bias is None or weight.shape != (shape[0], shape[1:].numel()):
            return trunk
        head |= {f"{here}.weight": weight.view(shape), f"{here}.bias": bias}
    return trunk | head


def _without_last(coarser: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of such a network without its fixed layer."""
    fixed = tuple(f"upscore{stride}." for stride in (32, 16, 8))
    return {name: tensor for name, tensor in coarser.items() if not name.startswith(fixed)}


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape))
