"""What is known about a network before any training, as the catalogue lists it."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from torch import nn

Stem = Literal["imagenet", "small"]
"""imagenet: the paper's own first layers, for pictures of about 224 pixels. small: first layers that keep the
resolution, for pictures of 28 or 32 pixels, as the papers build their networks for CIFAR."""


class Builder(Protocol):
    """Makes a freshly initialised network."""

    def __call__(self, *, num_classes: int, in_channels: int, **options: Any) -> nn.Module:
        """Build for `num_classes` classes and pictures of `in_channels` channels, both at least 1."""


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """One network of the catalogue; what most papers share stands as the default."""

    builder: Builder
    paper: str
    """Authors, title and where it appeared."""
    year: int
    task: Literal["image-classification", "image-segmentation"] = "image-classification"
    input_px: tuple[int, int] = (224, 224)
    """Height and width of the input in the paper."""
    in_channels: int = 3
    """Channels of the input in the paper."""
    num_classes: int = 1000
    """Classes in the paper."""
