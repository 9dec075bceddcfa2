"""What has to be known beside the weights to build and export a network, wherever the weights come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch

from export.checkpoint import CheckpointFacts
from export.serving_graph import CamChoice, ServingGraph
from models import build_model
from models.classifier import Classifier
from service.repository.artifact import Preprocessing


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """A classifier with its input and its classes."""

    model: str
    """Name in models.MODELS."""
    options: Mapping[str, Any]
    """What the network is built with beside classes and channels."""
    labels: tuple[str, ...]
    """Names of the classes, in the order of the logits."""
    preprocessing: Preprocessing
    """How a picture becomes the graph's input; height and width are fixed."""
    pixel_mean: tuple[float, ...]
    """Per channel, of pixels / 255: the network sees (pixel / 255 - mean) / std."""
    pixel_std: tuple[float, ...]
    """Per channel, of pixels / 255."""

    @classmethod
    def of_checkpoint(cls, facts: CheckpointFacts) -> Self:
        """What a training leaves beside its weights."""
        recipe = facts.recipe
        return cls(
            model=recipe.model,
            options=recipe.options,
            labels=facts.labels,
            preprocessing=recipe.preprocessing,
            pixel_mean=recipe.pixel_mean,
            pixel_std=recipe.pixel_std,
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of one picture."""
        spec = self.preprocessing
        assert spec.height is not None
        assert spec.width is not None
        return spec.height, spec.width, spec.channels

    def build(self) -> Classifier:
        """The network, freshly initialised.

        Raises:
            ValueError: the network has no such option.
        """
        network = build_model(
            self.model, num_classes=len(self.labels), in_channels=self.preprocessing.channels, **self.options
        )
        assert isinstance(network, Classifier)
        return network

    def serving_graph(self, network: Classifier, cam: CamChoice) -> ServingGraph:
        """The network as it is exported, in evaluation mode."""
        return ServingGraph(network, mean=self.pixel_mean, std=self.pixel_std, cam=cam).eval()


def check_takes(model: str, *, options: Mapping[str, Any], in_channels: int, input_px: tuple[int, int]) -> None:
    """Send a picture without values, of (height, width), through the network.

    Raises:
        ValueError: the network has no such option, or cannot take pictures of that size.
    """
    height, width = input_px
    with torch.device("meta"):
        network = build_model(model, num_classes=2, in_channels=in_channels, **options).eval()
        try:
            network(torch.zeros(1, in_channels, height, width))
        except RuntimeError:
            raise ValueError(f"{model} cannot take pictures of {height}x{width} pixels") from None
