"""Options of networks, such as `stem` and `width`: which a network has, and which values each of them takes.

A builder's signature says both, by its names and its annotations: `Literal`, `bool`, `None`, or a number with `Range`.
"""

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from models.facts import Builder

_NO_OPTIONS = ("num_classes", "in_channels")


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; stands in an `Annotated[float, Range(...)]`."""

    low: float
    high: float


def check_options(name: str, builder: Builder, options: Mapping[str, object]) -> None:
    """See that the network called `name` has these options, and that they take these values.

    Raises:
        ValueError: One of them is not so; the sentence says what there is, with values written as in JSON, which is
            how recipes and command lines have them.
    """
    parameters = inspect.signature(builder).parameters
    known = {option: each.annotation for option, each in parameters.items() if option not in _NO_OPTIONS}
    for option, value in options.items():
        if option not in known:
            raise ValueError(f"{name} has no option {option}; it has {', '.join(known) or 'none'}")
        fits, allowed = _compared(value, known[option])
        if not fits:
            raise ValueError(f"option {option} of {name} must be {allowed}, not {_as_json(value)}")


def check_count(what: str, value: object) -> None:
    """See that a number of classes or channels, called `what`, is one.

    Raises:
        ValueError: It is no whole number of at least 1.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{what} must be a whole number of at least 1, not {_as_json(value)}")


def _compared(value: object, annotation: Any) -> tuple[bool, str]:
    """Whether a parameter of this annotation takes the value, and, in words, what it takes."""
    if get_origin(annotation) is Annotated:
        _, numbers = get_args(annotation)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        # Not a number lies in no range.
        fits = is_number and numbers.low <= value <= numbers.high
        return fits, f"a number from {numbers.low:g} to {numbers.high:g}"
    choices = _choices(annotation)
    # With their types, because 1 == True.
    fits = any(type(value) is type(choice) and value == choice for choice in choices)
    *others, last = map(_as_json, choices)
    return fits, f"{', '.join(others)} or {last}"


def _choices(annotation: Any) -> tuple[object, ...]:
    """The values of a `Literal`, of `bool`, of `None`, or of a union of these."""
    if annotation is bool:
        return True, False
    if annotation is NoneType:
        return (None,)
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return tuple(choice for part in get_args(annotation) for choice in _choices(part))


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=repr)
