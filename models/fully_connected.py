"""Maps for networks with fully connected heads: the backward pass written as forward operations, so that it exports.

Grad-CAM: Selvaraju et al., ICCV 2017, arXiv:1610.02391. HiResCAM: Draelos and Carin 2020, arXiv:2011.08891.
"""

from abc import abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from models.classifier import Classifier, grad_cam, resolve_target
from models.convolutional import ScoreMaps, as_convolution


class FullyConnectedClassifier(Classifier):
    """Convolutions, a pooling, then fully connected layers with ReLU between them; a subclass names these parts."""

    cam_method: ClassVar[Literal["cam", "grad-cam"]] = "grad-cam"
    grid: tuple[int, int]
    """Positions (h, w) that the head sees."""
    stride_px: int
    """Pixels of the picture between neighbouring ones of these positions."""

    @abstractmethod
    def convolutions(self) -> nn.Sequential:
        """Give the layers before the head.

        The last is the pooling after the states that the maps weigh: `nn.MaxPool2d` without padding, or
        `nn.Identity` where nothing pools.
        """

    @abstractmethod
    def linears(self) -> list[nn.Linear]:
        """Give the layers of the head that have weights, at least two, in their order."""

    def averaged(self, pooled: Tensor) -> Tensor:
        """Bring maps (N, K, h, w) to the size that the head sees, by adaptive average pooling; here it is theirs."""
        return pooled

    def forward_with_cam(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Give logits (N, classes) and Grad-CAM, with its ReLU, before the last pooling; see `Classifier`."""
        *before, pooling = self.convolutions()
        activations = nn.Sequential(*before)(x)
        logits, at_first = self._head(self.averaged(pooling(activations)), target)
        # Max pooling hands each gradient on to one position and average pooling shares it out, so sums over
        # positions pass through both unchanged. The sum is all that Grad-CAM wants, so the weights of the first
        # layer may be summed over positions beforehand: that product is as much smaller as the maps are large.
        maps, height, width = activations.shape[1:]
        weight = self.linears()[0].weight
        per_map = weight.view(weight.shape[0], maps, -1).sum(dim=2) / (height * width)
        return logits, grad_cam(activations, at_first @ per_map)

    def forward_with_hirescam(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Give logits (N, classes) and HiResCAM, without ReLU, before the last pooling; see `Classifier`."""
        *before, pooling = self.convolutions()
        activations = nn.Sequential(*before)(x)
        if isinstance(pooling, nn.MaxPool2d):
            pooled, winners = F.max_pool2d(activations, pooling.kernel_size, pooling.stride, return_indices=True)
        else:
            pooled, winners = activations, None
        averaged = self.averaged(pooled)
        logits, at_first = self._head(averaged, target)
        at_averaged = (at_first @ self.linears()[0].weight).view_as(averaged)
        products = pooled * _shared_out(at_averaged, pooled.shape[2:])
        if winners is None:
            return logits, products.sum(dim=1)
        # What was pooled is the activation at the window's winner, so the products need only go back to their
        # places. Windows may overlap: a position that wins in several of them gets the sum.
        n, _, height, width = activations.shape
        blank = products.new_zeros(n, height * width)
        return logits, blank.scatter_add(1, winners.flatten(1), products.flatten(1)).view(n, height, width)

    def score_maps(self, input_px: tuple[int, int]) -> ScoreMaps:
        """Turn the head into convolutions; see `Convolutionalisable`."""
        layers = self.convolutions()
        if _size_after(layers, input_px) != self.grid:
            raise ValueError(
                "the head of {} sees {}x{} positions, ".format(type(self).__name__, *self.grid)
                + "which pictures of {}x{} pixels do not make without averaging".format(*input_px)
            )
        first, *others = self.linears()
        head: list[nn.Module] = [as_convolution(first, self.grid)]
        for layer in others:
            head += [nn.ReLU(), as_convolution(layer)]
        return ScoreMaps(nn.Sequential(*layers, *head), window_px=input_px, stride_px=self.stride_px)

    def _head(self, averaged: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, classes), and the gradient of each row's explained one at the first layer's sums, (N, units)."""
        *hidden, last = self.linears()
        states = [averaged.flatten(1)]
        for layer in hidden:
            states.append(torch.relu(layer(states[-1])))
        logits = last(states[-1])
        gradient = last.weight.index_select(0, resolve_target(logits, target)) * (states[-1] > 0)
        for layer, state in zip(reversed(hidden[1:]), reversed(states[1:-1]), strict=True):
            gradient = (gradient @ layer.weight) * (state > 0)
        return logits, gradient


class FeaturesClassifier(FullyConnectedClassifier):
    """The parts under the names that public checkpoints of AlexNet and VGG have."""

    features: nn.Sequential
    avgpool: nn.AdaptiveAvgPool2d
    classifier: nn.Sequential

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised pictures (N, C, H, W) to logits (N, classes)."""
        logits: Tensor = self.classifier(self.averaged(self.features(x)).flatten(1))
        return logits

    def convolutions(self) -> nn.Sequential:
        """All features; see `FullyConnectedClassifier`."""
        return self.features

    def averaged(self, pooled: Tensor) -> Tensor:
        """Bring maps of any size to that of the head; see `FullyConnectedClassifier`."""
        averaged: Tensor = self.avgpool(pooled)
        return averaged

    def linears(self) -> list[nn.Linear]:
        """The layers of the classifier but ReLU and dropout; see `FullyConnectedClassifier`."""
        return [layer for layer in self.classifier if isinstance(layer, nn.Linear)]


def _size_after(layers: nn.Sequential, input_px: tuple[int, int]) -> tuple[int, int] | None:
    """Height and width of the maps that the layers, a convolution first, make of such a picture; None: of none."""
    assert isinstance(layers[0], nn.Conv2d)
    picture = torch.empty(1, layers[0].in_channels, *input_px, device="meta")
    shapes = {name: tensor.to("meta") for name, tensor in layers.state_dict().items()}
    try:
        # Inside, no tensor has values: this costs nothing and changes nothing.
        _, _, height, width = torch.func.functional_call(layers, shapes, picture).shape
    except RuntimeError:
        return None
    return height, width


def _shared_out(gradient: Tensor, size: torch.Size) -> Tensor:
    """Backward pass of adaptive average pooling from maps of `size` (h, w) to `gradient`, (N, K, H, W)."""
    if gradient.shape[2:] == size:
        return gradient
    # The pooling is linear in rows and in columns, so what it does to unit vectors is its matrix, transposed.
    rows, columns = (
        F.adaptive_avg_pool1d(torch.eye(before, dtype=gradient.dtype, device=gradient.device), after)
        for before, after in zip(size, gradient.shape[2:], strict=True)
    )
    return rows @ gradient @ columns.T
