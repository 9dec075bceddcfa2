"""Which network a file of weights is of, told from names and shapes, and loading it into that network."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from export.errors import BadWeights
from export.public_weights.reading import Weights
from export.public_weights.shapes import options_told
from export.recipes import RECIPES
from models import build_model, facts_of
from models.network import Network

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
    dtypes: list[str]
    only_parameters: bool
    """Whether all that is missing are buffers, all of them, as in a file of what `parameters()` gives."""

    def __len__(self) -> int:
        return len(self.missing) + len(self.unexpected) + len(self.shapes) + len(self.dtypes)

    def __str__(self) -> str:
        kinds = {
            "missing": self.missing,
            "unexpected": self.unexpected,
            "of another shape": self.shapes,
            "not of floating-point numbers": self.dtypes,
        }
        hint = (
            " (save the network's state_dict(), which has more than its parameters())" if self.only_parameters else ""
        )
        return "; ".join(f"{kind}: {_first(keys)}" for kind, keys in kinds.items() if keys) + hint


def form_of(model: str, weights: Weights, options: Mapping[str, Any]) -> Form:
    """The form of the network that the file fits; `options` says what shapes alone cannot tell.

    Raises:
        BadWeights: it fits none; the sentence names the first keys of the nearest form.
        ValueError: the network has no such option.
    """
    misfits = _misfits(model, weights, options)
    fitting = [form for form, misfit in misfits if not len(misfit)]
    if not fitting:
        raise BadWeights(f"{weights.path} does not fit {model}: {_least(misfits)}.")
    # Where the forms have the same shapes, gray pictures speak for the form that the recipe trains.
    recipe = RECIPES[model]
    ours = [form for form in fitting if form.options == recipe.options and form.in_channels == 1]
    return (ours or fitting)[0]


def nearest_network(models: Sequence[str], weights: Weights) -> str:
    """The first of the networks that the file fits, or else the one that it misfits least."""
    return min(models, key=lambda model: len(_least(_misfits(model, weights, {}))))


def load_weights(network: Network, model: str, weights: Weights) -> None:
    """Load all of the file, strictly; auxiliary classifiers that it leaves out stay as they are.

    Raises:
        BadWeights: it does not fit, and the sentence names the first keys; or it cannot tell classes apart.
    """
    tensors = as_named_here(model, weights.tensors)
    misfit = _differences(network, tensors)
    if len(misfit):
        raise BadWeights(f"{weights.path} does not fit {model}: {misfit}.")
    _check_answers(network, weights, tensors)
    left_out = {name: value for name, value in network.state_dict().items() if name not in tensors}
    # Assigned, not copied: a VGG network fills half a gigabyte. Where the file has strides of channels_last, its
    # tensors are copied: torch's exporter takes another way through the network and may end in an error.
    network.load_state_dict({**left_out, **{name: _as_new(tensor) for name, tensor in tensors.items()}}, assign=True)


def _as_new(tensor: Tensor) -> Tensor:
    """The tensor with the strides of a new one, of axes of length 1 too, to which `contiguous` does not look."""
    is_new = tensor.stride() == torch.empty(tensor.shape, device="meta").stride()
    return tensor if is_new else tensor.clone(memory_format=torch.contiguous_format)


def as_named_here(model: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file without what wrappers put before their names, and without the counters of batches.

    Those of a public file are renamed and reshaped as their own library does before it loads them.
    """
    named = {name: t for name, t in _without_prefix(model, tensors).items() if not name.endswith(_COUNTER)}
    if model.startswith("densenet"):
        # The files were saved when the four parts of a layer still had a dot before their number.
        return {re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", name): t for name, t in named.items()}
    if model == "xception":
        # The first file of these weights, of 2017, keeps 1 x 1 kernels as matrices.
        return {
            name: t[:, :, None, None] if name.endswith("pointwise.weight") and t.ndim == 2 else t
            for name, t in named.items()
        }
    return named


def _without_prefix(model: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors without what all names begin with, such as `module.`, as far as no name of the network does."""
    ours = {name.partition(".")[0] for name in _skeleton(model, num_classes=2, in_channels=1, options={}).state_dict()}
    names = [name.split(".") for name in tensors]
    for depth in range(min(map(len, names), default=0)):
        if any(name[depth] in ours for name in names):
            return {".".join(name[depth:]): t for name, t in zip(names, tensors.values(), strict=True)}
        if len({name[depth] for name in names}) > 1:
            break
    return dict(tensors)


def _check_answers(network: Network, weights: Weights, tensors: Mapping[str, Tensor]) -> None:
    """Raises BadWeights where the last layer gives the same answer to every picture."""
    last = f"{network.heads[0]}."
    for name, tensor in tensors.items():
        if name.startswith(last) and tensor.ndim > 1:
            if len(tensor) == 1:
                raise BadWeights(f"{weights.path} is for one class, whose score is 1 whatever the picture shows.")
            if not tensor.any():
                raise BadWeights(
                    f"{weights.path} holds nothing but zeros in {name}: all pictures would score the same."
                )


def _misfits(model: str, weights: Weights, options: Mapping[str, Any]) -> list[tuple[Form, _Misfit]]:
    """The forms that a file may have, and how it differs from each.

    Raises:
        ValueError: the network has no such option.
    """
    tensors = as_named_here(model, weights.tensors)
    forms = [_read_off(model, tensors, each) for each in _candidates(model, tensors, options)]
    return [(form, _misfit(model, tensors, form)) for form in forms]


def _least(misfits: Sequence[tuple[Form, _Misfit]]) -> _Misfit:
    return min((misfit for _, misfit in misfits), key=len)


def _candidates(model: str, tensors: Mapping[str, Tensor], options: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Options of the forms that a file may have; what is not named is read off the shapes where these tell it."""
    if told := options_told(model, tensors):
        options_read = {**told, **options}
        return [options_read] if _is_built(model, options_read) else [options]
    small = {**options, "stem": "small"}
    return [options, small] if "stem" not in options and _is_built(model, small) else [options]


def _is_built(model: str, options: Mapping[str, Any]) -> bool:
    """Whether the network has these options with these values."""
    try:
        _skeleton(model, num_classes=2, in_channels=1, options=options)
    except ValueError:
        return False
    return True


def _skeleton(model: str, *, num_classes: int, in_channels: int, options: Mapping[str, Any]) -> Network:
    """The network without values."""
    with torch.device("meta"):
        network = build_model(model, num_classes=num_classes, in_channels=in_channels, **options)
    assert isinstance(network, Network)
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
    changed = _skeleton(model, **{**sizes, what: 3}, options=options)
    many = changed.state_dict()
    # Auxiliary classifiers last: what answers decides.
    for name, tensor in sorted(few.items(), key=lambda item: item[0].startswith(_prefixes(changed.auxiliary))):
        axes = (axis for axis, size in enumerate(tensor.shape) if many[name].shape[axis] != size)
        axis = next(axes, None)
        if axis is not None and name in tensors and tensors[name].ndim == tensor.ndim:
            return tensors[name].shape[axis]
    return None


def _misfit(model: str, tensors: Mapping[str, Tensor], form: Form) -> _Misfit:
    network = _skeleton(model, num_classes=form.num_classes, in_channels=form.in_channels, options=form.options)
    return _differences(network, tensors)


def _differences(network: Network, tensors: Mapping[str, Tensor]) -> _Misfit:
    expected = {name: value for name, value in network.state_dict().items() if not name.endswith(_COUNTER)}
    both = {name: (tensors[name], value) for name, value in expected.items() if name in tensors}
    auxiliary = _prefixes(network.auxiliary)
    needed = [name for name in expected if not name.startswith(auxiliary)]
    missing = [
        name
        for name in (expected if any(name.startswith(auxiliary) for name in tensors) else needed)
        if name not in tensors
    ]
    unexpected = [name for name in tensors if name not in expected]
    shapes = [
        f"{name} {tuple(found.shape)} instead of {tuple(wanted.shape)}"
        for name, (found, wanted) in both.items()
        if found.shape != wanted.shape
    ]
    dtypes = [
        f"{name} ({str(found.dtype).removeprefix('torch.')})"
        for name, (found, wanted) in both.items()
        if wanted.is_floating_point() and not found.is_floating_point()
    ]
    buffers = {name for name, _ in network.named_buffers()}
    return _Misfit(
        missing=missing,
        unexpected=unexpected,
        shapes=shapes,
        dtypes=dtypes,
        only_parameters=bool(missing) and buffers.issuperset(missing) and buffers.isdisjoint(tensors),
    )


def _prefixes(modules: tuple[str, ...]) -> tuple[str, ...]:
    """What the names of everything in those modules begin with."""
    return tuple(f"{module}." for module in modules)


def _first(keys: list[str]) -> str:
    more = len(keys) - _NAMED_AT_MOST
    return ", ".join(keys[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
