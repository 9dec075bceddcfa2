"""Which network a file of weights is of, told from names and shapes, and loading it into that network."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from export.errors import BadWeights
from export.public_weights.reading import Weights
from export.recipes import RECIPES
from models import build_model, facts_of
from models.classifier import Classifier

_NAMED_AT_MOST = 3
# Counts the batches of a training; files from before 2018 do not have it, and nothing that is served reads it.
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True, kw_only=True)
class Form:
    """What the network of a file was built with."""

    options: Mapping[str, Any]
    num_classes: int
    in_channels: int


@dataclass(frozen=True, kw_only=True)
class _Misfit:
    """How a file differs from one form of a network."""

    missing: list[str]
    unexpected: list[str]
    shapes: list[str]

    def __len__(self) -> int:
        return len(self.missing) + len(self.unexpected) + len(self.shapes)

    def __str__(self) -> str:
        kinds = (("missing", self.missing), ("unexpected", self.unexpected), ("of another shape", self.shapes))
        return "; ".join(f"{kind}: {_first(keys)}" for kind, keys in kinds if keys)


def form_of(model: str, weights: Weights, options: Mapping[str, Any]) -> Form:
    """The form of the network that the file fits; `options` says what shapes alone cannot tell.

    Raises:
        BadWeights: it fits none; the sentence names the first keys of the nearest form.
        ValueError: the network has no such option.
    """
    tensors = as_named_here(model, weights.tensors)
    forms = [_read_off(model, tensors, form) for form in _candidates(model, options)]
    misfits = [(form, _misfit(model, tensors, form)) for form in forms]
    fitting = [form for form, misfit in misfits if not len(misfit)]
    if not fitting:
        _, nearest = min(misfits, key=lambda pair: len(pair[1]))
        raise BadWeights(f"{weights.path} does not fit {model}: {nearest}.")
    # Where the forms have the same shapes, gray pictures speak for the form that the recipe trains.
    recipe = RECIPES[model]
    ours = [form for form in fitting if form.options == recipe.options and form.in_channels == 1]
    return (ours or fitting)[0]


def load_weights(network: Classifier, model: str, weights: Weights) -> None:
    """Load all of the file, strictly; auxiliary classifiers that it leaves out stay as they are.

    Raises:
        BadWeights: it does not fit; the sentence names the first keys.
    """
    tensors = as_named_here(model, weights.tensors)
    misfit = _differences(network, tensors)
    if len(misfit):
        raise BadWeights(f"{weights.path} does not fit {model}: {misfit}.")
    left_out = {name: value for name, value in network.state_dict().items() if name not in tensors}
    # Assigned, not copied: a VGG network fills half a gigabyte.
    network.load_state_dict({**left_out, **tensors}, assign=True)


def as_named_here(model: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a public file as their own library renames and reshapes them before it loads them."""
    if model.startswith("densenet"):
        # The files were saved when the four parts of a layer still had a dot before their number.
        return {re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", name): t for name, t in tensors.items()}
    if model == "xception":
        # The first file of these weights, of 2017, keeps 1 x 1 kernels as matrices.
        return {
            name: t[:, :, None, None] if name.endswith("pointwise.weight") and t.ndim == 2 else t
            for name, t in tensors.items()
        }
    return dict(tensors)


def _candidates(model: str, options: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Options of the forms that a file may have; the stem is read off the shapes where it is not named."""
    if "stem" in options:
        return [options]
    small = {**options, "stem": "small"}
    try:
        _skeleton(model, num_classes=2, in_channels=1, options=small)
    except ValueError:
        return [options]
    return [options, small]


def _skeleton(model: str, *, num_classes: int, in_channels: int, options: Mapping[str, Any]) -> Classifier:
    """The network without values."""
    with torch.device("meta"):
        network = build_model(model, num_classes=num_classes, in_channels=in_channels, **options)
    assert isinstance(network, Classifier)
    return network


def _read_off(model: str, tensors: Mapping[str, Tensor], options: Mapping[str, Any]) -> Form:
    """Classes and channels, read off the tensors whose shape hangs on them; the paper's where there is none."""
    facts = facts_of(model)
    return Form(
        options=options,
        num_classes=_size(model, tensors, options, "num_classes") or facts.num_classes,
        in_channels=_size(model, tensors, options, "in_channels") or facts.in_channels,
    )


def _size(model: str, tensors: Mapping[str, Tensor], options: Mapping[str, Any], what: str) -> int | None:
    """The number of classes or of channels; None where no tensor tells it."""
    sizes = {"num_classes": 2, "in_channels": 2}
    few = _skeleton(model, **sizes, options=options).state_dict()
    many = _skeleton(model, **{**sizes, what: 3}, options=options).state_dict()
    for name, tensor in few.items():
        axes = (axis for axis, size in enumerate(tensor.shape) if many[name].shape[axis] != size)
        axis = next(axes, None)
        if axis is not None and name in tensors and tensors[name].ndim == tensor.ndim:
            return tensors[name].shape[axis]
    return None


def _misfit(model: str, tensors: Mapping[str, Tensor], form: Form) -> _Misfit:
    network = _skeleton(model, num_classes=form.num_classes, in_channels=form.in_channels, options=form.options)
    return _differences(network, tensors)


def _differences(network: Classifier, tensors: Mapping[str, Tensor]) -> _Misfit:
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    auxiliary = tuple(f"{module}." for module in network.auxiliary)
    optional = not any(name.startswith(auxiliary) for name in found) if auxiliary else False
    return _Misfit(
        missing=[
            name
            for name in expected
            if name not in found and not name.endswith(_COUNTER) and not (optional and name.startswith(auxiliary))
        ],
        unexpected=[name for name in found if name not in expected],
        shapes=[
            f"{name} {found[name]} instead of {shape}"
            for name, shape in expected.items()
            if name in found and found[name] != shape
        ],
    )


def _first(keys: list[str]) -> str:
    more = len(keys) - _NAMED_AT_MOST
    return ", ".join(keys[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
