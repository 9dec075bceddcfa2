"""What a training starts from: a file of the network itself, or of another one whose layers it shares.

A fully convolutional network takes over a classifier's layers, and a coarser network's (Long, Shelhamer, Darrell 2015,
sections 4.1 and 4.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from export.errors import BadWeights, UsageError
from export.public_weights.fitting import as_named_here, nearest_network
from export.public_weights.inputs import Input
from export.public_weights.opening import with_facts
from export.public_weights.reading import Weights
from models import build_model
from models.fcn import Fcn
from models.network import Network

_VGG16 = ("vgg16", "vgg16_bn")
_OTHERS: dict[str, tuple[str, ...]] = {
    "fcn32s": _VGG16,
    "fcn16s": ("fcn32s", *_VGG16),
    "fcn8s": ("fcn16s", "fcn32s", *_VGG16),
    "fcn_resnet50": ("resnet50",),
}
"""Networks whose files another one can start from as well."""


@dataclass(frozen=True, kw_only=True)
class Trunk:
    """A file that a network can start from."""

    options: Mapping[str, Any]
    """What the network has to be built with for the file to fit."""
    in_channels: int
    input: Input | None
    """How pictures are prepared for the network that the file is of; None where that is not known."""


def open_trunk(model: str, weights: Weights, options: Mapping[str, Any]) -> Trunk:
    """Find what the network `model` has to be like to start from a file; `options` are those that somebody named.

    Raises:
        BadWeights: the file does not fit.
        UsageError: the network has no such option.
    """
    source = _source(model, weights)
    if source == model:
        opened = with_facts(model, weights, options)
        return Trunk(options=opened.form.options, in_channels=opened.form.in_channels, input=opened.input)
    try:
        opened = with_facts(source, weights, {})
    except BadWeights as error:
        raise BadWeights(
            f"{model} starts from files of {', '.join((model, *_OTHERS[model]))}; nearest is {source}, but {error}"
        ) from None
    form = opened.form
    if source == "resnet50" and form.options:
        raise BadWeights(f"{weights.path} is of a resnet50 with the small stem, which {model} does not have.")
    told = {**_options(source, form.options, weights), **options}
    with torch.device("meta"):
        try:
            network = build_model(model, num_classes=form.num_classes, in_channels=form.in_channels, **told)
        except ValueError as error:
            raise UsageError(f"{error}.") from None
        assert isinstance(network, Network)
        empty = {name: torch.empty_like(tensor, device="meta") for name, tensor in weights.tensors.items()}
    fill(network, model, Weights(path=weights.path, sha256=weights.sha256, dtype=weights.dtype, tensors=empty))
    return Trunk(options=told, in_channels=form.in_channels, input=opened.input)


def fill(network: Network, model: str, weights: Weights) -> None:
    """Load everything but the heads, whose classes are others; auxiliary classifiers may be left out of the file.

    A fully convolutional network keeps the score layers of one like it where these are for as many classes.

    Raises:
        BadWeights: the file does not fit the network as it was built.
    """
    source = _source(model, weights)
    tensors = as_named_here(source, weights.tensors)
    if isinstance(network, Fcn):
        try:
            network.load_trunk(_without_other_scores(network, tensors))
        except ValueError as error:
            raise BadWeights(f"{weights.path} does not fit {model} with these options: {error}.") from None
        return
    if source != model:
        tensors = {f"backbone.{name}": value for name, value in tensors.items() if not name.startswith("fc.")}
    heads = tuple(f"{name}." for name in network.heads)
    trunk = {name: value for name, value in tensors.items() if not name.startswith(heads)}
    network.load_state_dict({**network.state_dict(), **trunk})


def _source(model: str, weights: Weights) -> str:
    """Name of the network that the file is of, as far as `model` can start from it."""
    others = _OTHERS.get(model)
    return nearest_network((model, *others), weights) if others else model


def _options(source: str, options: Mapping[str, Any], weights: Weights) -> dict[str, Any]:
    """What a network is to be built with whose trunk is that of `source`."""
    if source not in _VGG16:
        return dict(options)
    # A small head is kept, too: it is where the classifier has put what it knows of whole objects.
    units = next(value for name, value in weights.tensors.items() if name.endswith("classifier.0.weight")).shape[0]
    told: dict[str, Any] = dict(options)
    if source == "vgg16_bn":
        told["normalised"] = True
    if units != 4096:
        told["head_width"] = units
    return told


def _without_other_scores(network: Fcn, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors without score layers for another number of classes."""
    score = tensors.get("score_fr.weight")
    if score is None or len(score) == len(network.score_fr.weight):
        return dict(tensors)
    heads = tuple(f"{name}." for name in network.heads)
    return {name: value for name, value in tensors.items() if not name.startswith(heads)}
