"""The networks: one file per paper, torch only; tensors in, tensors out."""

from typing import Any

from torch import nn

from models.catalog import MODELS
from models.facts import ModelFacts

__all__ = ["MODELS", "ModelFacts", "build_model", "facts_of"]


def facts_of(name: str) -> ModelFacts:
    """Look a network up.

    Raises:
        ValueError: There is no network of that name; the message lists those there are.
    """
    if name not in MODELS:
        raise ValueError(f"there is no network called {name!r}; there are {', '.join(MODELS)}")
    return MODELS[name]


def build_model(name: str, *, num_classes: int, in_channels: int, **options: Any) -> nn.Module:
    """Build the network called `name`, freshly initialised from torch's random state.

    `options` are the network's own, such as `stem="small"`; its class says which it has.

    Raises:
        ValueError: There is no network of that name, a number is below 1, or the network has no such option.
    """
    facts = facts_of(name)
    for what, number in (("num_classes", num_classes), ("in_channels", in_channels)):
        if number < 1:
            raise ValueError(f"{what} must be at least 1, not {number}")
    try:
        return facts.builder(num_classes=num_classes, in_channels=in_channels, **options)
    except TypeError as error:
        if not options:
            raise
        raise ValueError(f"{name} does not take the options {', '.join(options)}: {error}") from None
