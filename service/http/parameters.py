"""Query parameters (and form fields of the typed doors) into typed values, with a sentence for each that is wrong."""

from collections.abc import Iterable, Mapping
from typing import get_args

import orjson

from service.errors import InvalidParameter, UnknownVersion
from service.http.answers import CamFormat
from service.inference.classifier import resolve_target
from service.inference.model import LoadedModel
from service.inference.preprocess import PicturePolarity
from service.repository.folder import VERSION

CLASSIFY_PARAMETERS = frozenset({"top_k", "polarity"})
CAM_PARAMETERS = frozenset({"target", "format", "polarity"})

_DEFAULT_TOP_K = 5
_POLARITIES: dict[str, PicturePolarity] = {
    "auto": "auto",
    "light-on-dark": "light-on-dark",
    "dark-on-light": "dark-on-light",
}
_CAM_FORMATS: dict[str, CamFormat] = {name: name for name in get_args(CamFormat)}


def read_version(text: str) -> int:
    """A version in a path.

    Raises:
        UnknownVersion: it is not a positive integer.
    """
    if not VERSION.fullmatch(text):
        raise UnknownVersion(f"There is no version {text[:40]!r}; versions are positive integers.")
    return int(text)


def read_top_k(values: Mapping[str, str], model: LoadedModel) -> int:
    """How many classes to answer with; five, or all where there are fewer, when it is not said.

    Raises:
        InvalidParameter: not an integer from 1 to the number of classes.
    """
    classes = len(model.metadata.labels)
    text = values.get("top_k")
    if text is None:
        return min(_DEFAULT_TOP_K, classes)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= classes):
        raise InvalidParameter(f"top_k has to be an integer from 1 to {classes}, not {text[:40]!r}.")
    return int(text)


def read_target(values: Mapping[str, str], model: LoadedModel) -> int:
    """The class to explain, by index or label; -1, the best one, when it is not said.

    Raises:
        UnknownTarget: the model has no such class.
    """
    return resolve_target(model, values.get("target"))


def read_format(values: Mapping[str, str]) -> CamFormat:
    """The form of a map; overlay when it is not said.

    Raises:
        InvalidParameter: there is no such form.
    """
    text = values.get("format", "overlay")
    if text not in _CAM_FORMATS:
        raise InvalidParameter(f"format has to be {listed(_CAM_FORMATS)}, not {text[:40]!r}.")
    return _CAM_FORMATS[text]


def read_polarity(values: Mapping[str, str], model: LoadedModel) -> PicturePolarity:
    """The polarity of the picture, where the caller says it or asks the service to decide.

    Raises:
        InvalidParameter: there is no such polarity, or it does not matter to the model.
    """
    text = values.get("polarity")
    if text is None:
        return None
    if text not in _POLARITIES:
        raise InvalidParameter(f"polarity has to be {listed(_POLARITIES)}, not {text[:40]!r}.")
    if model.metadata.preprocessing.polarity is None:
        raise InvalidParameter(f"Model {model.name!r} takes pictures of any polarity.")
    return _POLARITIES[text]


def form_values(fields: Mapping[str, str], allowed: frozenset[str]) -> dict[str, str]:
    """Form fields as text; BentoML's client writes JSON into them, others write plain text.

    Raises:
        InvalidParameter: a name is not one of `allowed`.
    """
    values = {}
    for name, text in fields.items():
        if name not in allowed:
            raise InvalidParameter(f"There is no field {name[:40]!r} here; there is {', '.join(sorted(allowed))}.")
        if text[:1] == '"' or text == "null":
            try:
                plain = orjson.loads(text)
            except orjson.JSONDecodeError:
                plain = text
            if plain is None:
                continue
            text = str(plain)
        values[name] = text
    return values


def listed(names: Iterable[str]) -> str:
    """The names as they stand in a sentence: "a, b or c"."""
    *most, last = names
    return f"{', '.join(most)} or {last}"
