"""What has to be known beside the weights to build and export a network, wherever the weights come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch

from export.checkpoint import CheckpointFacts, load_facts
from export.errors import BadData
from export.recipes.recipe import Recipe
from export.run_folder import RunFolder
from export.serving_graph import CamChoice, ExportedGraph, SegmentingGraph, ServingGraph
from models import build_model
from models.classifier import Classifier
from models.network import Network
from models.segmenter import Segmenter
from service.repository.artifact import Preprocessing


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """A network with its input and its classes."""

    model: str
    """Name in models.MODELS."""
    options: Mapping[str, Any]
    """What the network is built with beside classes and channels."""
    labels: tuple[str, ...]
    """Names of the classes, in the order of the logits."""
    preprocessing: Preprocessing
    """How a picture becomes the graph's input; height and width are fixed for classifiers, free for segmenters."""
    pixel_mean: tuple[float, ...]
    """Per channel, of pixels / 255: the network sees (pixel / 255 - mean) / std."""
    pixel_std: tuple[float, ...]
    """Per channel, of pixels / 255."""

    @classmethod
    def of_recipe(cls, recipe: Recipe, labels: tuple[str, ...]) -> Self:
        """What a training makes, for these classes."""
        return cls(
            model=recipe.model,
            options=recipe.options,
            labels=labels,
            preprocessing=recipe.preprocessing,
            pixel_mean=recipe.pixel_mean,
            pixel_std=recipe.pixel_std,
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of one picture; where any size will do, one that is odd both ways."""
        spec = self.preprocessing
        return spec.height or 65, spec.width or 97, spec.channels

    def build(self) -> Network:
        """The network, freshly initialised.

        Raises:
            ValueError: the network has no such option.
        """
        network = build_model(
            self.model, num_classes=len(self.labels), in_channels=self.preprocessing.channels, **self.options
        )
        assert isinstance(network, Network)
        return network

    def exported_graph(self, network: Network, cam: CamChoice = "own") -> ExportedGraph:
        """The network as it is exported, in evaluation mode; a classifier with this map."""
        if isinstance(network, Classifier):
            return ServingGraph(network, mean=self.pixel_mean, std=self.pixel_std, cam=cam).eval()
        assert isinstance(network, Segmenter)
        return SegmentingGraph(network, mean=self.pixel_mean, std=self.pixel_std).eval()


def load_trained(run: RunFolder) -> tuple[Network, CheckpointFacts]:
    """The trained network of a run, in evaluation mode on the CPU, and the facts of its training.

    Raises:
        MissingStage: the training has not finished.
        BadData: weights or sidecar are damaged, or do not fit the network.
    """
    facts = load_facts(run)
    network = Blueprint.of_recipe(facts.recipe, facts.labels).build()
    try:
        network.load_state_dict(torch.load(run.checkpoint, map_location="cpu", weights_only=True))
    except Exception as error:
        # torch explains over many lines, or with none; the first says enough.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".:")
        raise BadData(f"{run.checkpoint} does not hold weights of {facts.recipe.model}: {reason}.") from None
    return network.eval(), facts


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
