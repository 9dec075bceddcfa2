"""What a caller wishes of a mask: its form, what goes with it, and how its outlines are written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from service.errors import InvalidParameter
from service.http.parameters import listed

MaskFormat = Literal["png", "color", "overlay", "rle", "polygons", "json"]
RleForm = Literal["compressed", "uncompressed"]
PolygonForm = Literal["rings", "coco"]

_Choice = TypeVar("_Choice", bound=str)
_FLAGS = ("true", "false")
_FORMATS: dict[str, MaskFormat] = {name: name for name in get_args(MaskFormat)}
_RLE_FORMS: dict[str, RleForm] = {name: name for name in get_args(RleForm)}
_POLYGON_FORMS: dict[str, PolygonForm] = {name: name for name in get_args(PolygonForm)}
TOLERANCE_AT_MOST_PX = 100.0
# Python's own reading takes white space, underlines and "nan" too.
_NUMBER = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
# Formats in which a parameter means something; those that are not here mean something in all of them.
_GOES_WITH: dict[str, tuple[MaskFormat, ...]] = {
    "scores": ("rle", "polygons", "json"),
    "confidence": ("rle", "polygons", "json"),
    "rle": ("rle", "json"),
    "polygons": ("polygons", "json"),
    "tolerance": ("polygons", "json"),
}
SEGMENT_PARAMETERS = frozenset({"format", "tile", "polarity", *_GOES_WITH})


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskWishes:
    """The parameters of segment that are about the mask."""

    form: MaskFormat = "png"
    tile: bool = False
    """Whether the picture is seen at its own size, in tiles."""
    scores: bool = False
    """Whether each class says its mean score."""
    confidence: bool = False
    """Whether the score of each pixel's class goes along, as a picture."""
    rle: RleForm = "compressed"
    polygons: PolygonForm = "rings"
    tolerance_px: float = 0.0
    """How far a simplified outline may lie from the exact one."""


_DEFAULTS = MaskWishes()


def read_mask_wishes(values: Mapping[str, str]) -> MaskWishes:
    """The wishes in the parameters; what is not said is as the class has it.

    Raises:
        InvalidParameter: a value is out of its range, or means nothing in this format.
    """
    wishes = MaskWishes(
        form=_choice(values, "format", _FORMATS, "png"),
        tile=_flag(values, "tile"),
        scores=_flag(values, "scores"),
        confidence=_flag(values, "confidence"),
        rle=_choice(values, "rle", _RLE_FORMS, "compressed"),
        polygons=_choice(values, "polygons", _POLYGON_FORMS, "rings"),
        tolerance_px=_tolerance_px(values),
    )
    for name, forms in _GOES_WITH.items():
        # What is as it would be anyway may be said: generated clients fill in every default.
        if wishes.form not in forms and not _is_default(wishes, name):
            raise InvalidParameter(f"{name} goes with format={listed(forms)}, not with {wishes.form}.")
    return wishes


def _is_default(wishes: MaskWishes, name: str) -> bool:
    field = {"tolerance": "tolerance_px"}.get(name, name)
    return bool(getattr(wishes, field) == getattr(_DEFAULTS, field))


def _choice(values: Mapping[str, str], name: str, choices: Mapping[str, _Choice], default: _Choice) -> _Choice:
    text = values.get(name)
    if text is None:
        return default
    if text not in choices:
        raise InvalidParameter(f"{name} has to be {listed(choices)}, not {text[:40]!r}.")
    return choices[text]


def _flag(values: Mapping[str, str], name: str) -> bool:
    # BentoML's client writes Python's booleans.
    text = values.get(name, "false").lower()
    if text not in _FLAGS:
        raise InvalidParameter(f"{name} has to be {listed(_FLAGS)}, not {values[name][:40]!r}.")
    return text == "true"


def _tolerance_px(values: Mapping[str, str]) -> float:
    text = values.get("tolerance")
    if text is None:
        return 0.0
    if not (_NUMBER.fullmatch(text) and float(text) <= TOLERANCE_AT_MOST_PX):
        raise InvalidParameter(f"tolerance has to be a number from 0 to {TOLERANCE_AT_MOST_PX:g}, not {text[:40]!r}.")
    return float(text)
