"""The networks: one file per paper, torch only; tensors in, tensors out."""

from typing import Any

from torch import nn

from models.catalog import MODELS
from models.facts import ModelFacts
from models.options import check_count, check_options

__all__ = ["MODELS", "ModelFacts", "build_model", "facts_of"]


def facts_of(name: str) -> ModelFacts:
    """Look a network up.

    Raises:
        ValueError: There is no network of that name; the message lists those there are.
    """
    if name not in MODELS:
        raise ValueError(f"there is no network called {name!r}; there are {', '.join(MODELS)}")
    return MODELS[name]


def build_model(name: str, /, *, num_classes: int, in_channels: int, **options: Any) -> nn.Module:
    """Build the network called `name`, freshly initialised from torch's random state.

    `options` are the network's own, such as `stem="small"`; its builder's signature says which it has.

    Raises:
        ValueError: There is no network of that name, a number is no whole one of at least 1, the network has no such
            option, or the option takes no such value.
    """
    facts = facts_of(name)
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    check_options(name, facts.builder, options)
    return facts.builder(num_classes=num_classes, in_channels=in_channels, **options)
