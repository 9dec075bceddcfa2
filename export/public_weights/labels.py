"""Names of the classes for weights that carry none."""

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

from export.data.mask_layouts import VOC_LABELS
from export.errors import BadWeights
from service.repository.artifact import Task

_IMAGENET_FILE = Path(__file__).with_name("imagenet_labels.txt")
_IMAGENET_CLASSES = 1000
_LONGEST_CHARACTERS = 256


def usual_labels(task: Task, num_classes: int) -> tuple[str, ...] | None:
    """The names that nearly all files for so many classes have; None where there are none.

    ImageNet's thousand, and for segmenters the 21 of Pascal VOC, which the public checkpoints have in its order.
    """
    if task == "image-segmentation":
        return VOC_LABELS if num_classes == len(VOC_LABELS) else None
    return imagenet_labels() if num_classes == _IMAGENET_CLASSES else None


def imagenet_labels() -> tuple[str, ...]:
    """ImageNet's names, in the order of the public checkpoints; the file says where they come from."""
    lines = _IMAGENET_FILE.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))


def read_labels(path: Path, *, num_classes: int) -> tuple[str, ...]:
    """Names out of a file: one a line, or a JSON list of strings.

    Raises:
        BadWeights: it is no such file, or its names are not one for each class, or one cannot be shown.
        OSError: it cannot be opened.
    """
    try:
        # Decoded here: as a text file a carriage return alone would end a line.
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadWeights(f"{path} is not UTF-8 text.") from None
    labels = _from_json(path, text) if text.lstrip().startswith("[") else None
    labels = _from_lines(path, text) if labels is None else labels
    if len(labels) != num_classes:
        raise BadWeights(f"{path} has {len(labels)} labels, the weights are for {num_classes} classes.")
    for index, label in enumerate(labels):
        if complaint := _complaint(label):
            raise BadWeights(f"{path} has {complaint} for class {index}.")
    twice = [label for label, count in Counter(labels).items() if count > 1]
    if twice:
        raise BadWeights(f"{path} has {twice[0]!r} more than once; labels must differ from one another.")
    return tuple(labels)


def _from_lines(path: Path, text: str) -> list[str]:
    """One name a line. Only a line feed ends a line, not the other characters that str.splitlines() knows."""
    text = text.rstrip()
    labels = [line.strip() for line in text.split("\n")] if text else []
    if "" in labels:
        raise BadWeights(f"{path} has a blank line {labels.index('') + 1} where the name of a class should be.")
    return labels


def _from_json(path: Path, text: str) -> list[str] | None:
    """The strings of a JSON list; None where the first of plain names just begins with a bracket."""
    try:
        names = json.loads(text)
    except (ValueError, RecursionError) as error:
        if re.match(r"""\s*\[\s*["']""", text):
            raise BadWeights(f"{path} begins like a JSON list and is none: {error}.") from None
        return None
    if not all(isinstance(name, str) for name in names):
        raise BadWeights(f"{path} is a JSON list of something else than strings.")
    return [name.strip() for name in names]


def _complaint(label: str) -> str | None:
    """What keeps a label from being shown and sent; None for a good one."""
    if not label:
        return "no name"
    if len(label) > _LONGEST_CHARACTERS:
        return f"a name of {len(label)} characters, more than {_LONGEST_CHARACTERS},"
    kinds = {unicodedata.category(character) for character in label}
    if "Cs" in kinds:
        return f"half a character (a lone surrogate) in the name {label!r}"
    if "Cc" in kinds:
        return f"control characters in the name {label!r}"
    return None
