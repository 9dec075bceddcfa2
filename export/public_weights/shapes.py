"""Options of segmenters, read off the names and shapes in a file of weights."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from models import facts_of

_Reader = Callable[[Mapping[str, Tensor]], dict[str, Any]]


def options_told(model: str, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """The options that the file was built with, where they are not the network's defaults.

    What a file of another network seems to say may be no option at all: whoever builds by it has to expect that.
    """
    read = _READERS.get(model)
    if read is None:
        return {}
    defaults = {name: each.default for name, each in inspect.signature(facts_of(model).builder).parameters.items()}
    return {name: value for name, value in read(tensors).items() if not _is_same(value, defaults[name])}


def _fcn(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    options: dict[str, Any] = {"normalised": "features.1.running_mean" in tensors}
    head = tensors.get("fc6.weight")
    if head is not None and head.ndim == 4:
        options |= {"stem": "small" if head.shape[2] == 1 else "imagenet", "head_width": head.shape[0]}
    return options


def _unet(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    options: dict[str, Any] = {"normalised": "contracting.0.1.running_mean" in tensors}
    score, first = tensors.get("score.weight"), "up_convolutions.0.weight"
    if score is not None and score.ndim == 4 and first in tensors:
        depth = len({name for name in tensors if re.fullmatch(r"up_convolutions\.\d+\.weight", name)})
        options |= {"width": score.shape[1], "depth": depth}
    return options


def _unet_xception(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    # A list, as recipes and JSON have it.
    widths: list[int] = []
    name = "entry.1.weight"
    while name in tensors and tensors[name].ndim == 4:
        widths.append(tensors[name].shape[0])
        name = f"down.{len(widths) - 1}.shortcut.weight"
    return {"widths": widths} if widths else {}


_READERS: dict[str, _Reader] = {
    **dict.fromkeys(("fcn32s", "fcn16s", "fcn8s"), _fcn),
    "unet": _unet,
    "unet_xception": _unet_xception,
}


def _is_same(value: Any, default: Any) -> bool:
    return bool((tuple(value) if isinstance(value, list) else value) == default)
