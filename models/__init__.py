"""The networks: one file per paper, torch only; tensors in, tensors out."""

from dataclasses import dataclass
from typing import Literal, Protocol

from torch import nn

from models.lenet import LeNet5
from models.mnist_cnn import MnistCnn


class Builder(Protocol):
    """Makes a freshly initialised network."""

    def __call__(self, *, num_classes: int, in_channels: int) -> nn.Module:
        """Build for `num_classes` classes and pictures of `in_channels` channels, both at least 1."""


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What is known about a network before any training."""

    builder: Builder
    paper: str
    """Authors, title and where it appeared."""
    year: int
    task: Literal["image-classification", "image-segmentation"]
    input_px: tuple[int, int]
    """Height and width of the input in the paper."""
    in_channels: int
    """Channels of the input in the paper."""
    num_classes: int
    """Classes in the paper."""


MODELS: dict[str, ModelFacts] = {
    "lenet5": ModelFacts(
        builder=LeNet5,
        paper="LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document Recognition, "
        "Proceedings of the IEEE 86(11)",
        year=1998,
        task="image-classification",
        input_px=(32, 32),
        in_channels=1,
        num_classes=10,
    ),
    "mnist_cnn": ModelFacts(
        builder=MnistCnn,
        paper="No paper; after TensorFlow's tutorial Deep MNIST for Experts",
        year=2015,
        task="image-classification",
        input_px=(28, 28),
        in_channels=1,
        num_classes=10,
    ),
}


def facts_of(name: str) -> ModelFacts:
    """Look a network up.

    Raises:
        ValueError: There is no network of that name; the message lists those there are.
    """
    if name not in MODELS:
        raise ValueError(f"there is no network called {name!r}; there are {', '.join(MODELS)}")
    return MODELS[name]


def build_model(name: str, *, num_classes: int, in_channels: int) -> nn.Module:
    """Build the network called `name`, freshly initialised from torch's random state.

    Raises:
        ValueError: There is no network of that name, or a number is below 1.
    """
    facts = facts_of(name)
    for what, number in (("num_classes", num_classes), ("in_channels", in_channels)):
        if number < 1:
            raise ValueError(f"{what} must be at least 1, not {number}")
    return facts.builder(num_classes=num_classes, in_channels=in_channels)
