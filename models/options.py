"""Options of networks, such as `stem` and `width`: which a network has, and which values each of them takes.

A builder's signature says both, by its names and its annotations: `Literal`, `bool`, `None`, a number or a whole number
with `Range`, or a sequence of whole numbers with `Length` and `Range`.
"""

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from models.facts import Builder

_NO_OPTIONS = ("num_classes", "in_channels")


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; stands in an `Annotated[float, Range(...)]`, or with `int`."""

    low: float
    high: float


@dataclass(frozen=True)
class Length:
    """From `low` to `high` values, both included; stands in an `Annotated[Sequence[int], Length(...), Range(...)]`."""

    low: int
    high: int


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
        kind, *limits = get_args(annotation)
        return _compared_numbers(value, kind, *limits)
    choices = _choices(annotation)
    # With their types, because 1 == True.
    fits = any(type(value) is type(choice) and value == choice for choice in choices)
    *others, last = map(_as_json, choices)
    return fits, f"{', '.join(others)} or {last}"


def _compared_numbers(value: Any, kind: Any, *limits: Any) -> tuple[bool, str]:
    """The same for a number of this kind, or for a sequence of whole numbers."""
    if get_origin(kind) is Sequence:
        length, numbers = limits
        fits = isinstance(value, list | tuple) and length.low <= len(value) <= length.high
        fits = fits and all(_lies_in(numbers, each, int) for each in value)
        return fits, f"a list of {length.low} to {length.high} whole numbers from {numbers.low:g} to {numbers.high:g}"
    (numbers,) = limits
    what = "a whole number" if kind is int else "a number"
    return _lies_in(numbers, value, kind), f"{what} from {numbers.low:g} to {numbers.high:g}"


def _lies_in(numbers: Range, value: Any, kind: type) -> bool:
    """Whether a value is a number of this kind in the range; what is not a number lies in none."""
    is_number = isinstance(value, int if kind is int else int | float) and not isinstance(value, bool)
    return is_number and numbers.low <= value <= numbers.high


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
