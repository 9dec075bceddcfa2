"""What is known about a network before any training, as the catalogue lists it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn

Stem = Literal["imagenet", "small"]
"""imagenet: the paper's own first layers, for pictures of about 224 pixels. small: first layers that keep the
resolution, for pictures of 28 or 32 pixels, as the papers build their networks for CIFAR."""


Builder = Callable[..., nn.Module]
"""Makes a freshly initialised network from `num_classes` and `in_channels`, both at least 1, and options of its own,
all given by name. The annotation of an option says which values it takes; see `models.options`."""


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
