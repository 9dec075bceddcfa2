"""Names of the classes for weights that carry none."""

import json
from collections import Counter
from pathlib import Path

from export.errors import BadWeights

_IMAGENET_FILE = Path(__file__).with_name("imagenet_labels.txt")
IMAGENET_CLASSES = 1000


def imagenet_labels() -> tuple[str, ...]:
    """ImageNet's names, in the order of the public checkpoints; the file says where they come from."""
    lines = _IMAGENET_FILE.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))


def read_labels(path: Path, *, num_classes: int) -> tuple[str, ...]:
    """Names out of a file: one a line, or a JSON list of strings.

    Raises:
        BadWeights: it is no such file, or its names are not one for each class.
        OSError: it cannot be opened.
    """
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError:
        raise BadWeights(f"{path} is not UTF-8 text.") from None
    labels = _from_json(path, text) if text.startswith("[") else [line.strip() for line in text.splitlines()]
    if len(labels) != num_classes:
        raise BadWeights(f"{path} has {len(labels)} labels, the weights are for {num_classes} classes.")
    if "" in labels:
        raise BadWeights(f"{path} has no name for class {labels.index('')}.")
    twice = [label for label, count in Counter(labels).items() if count > 1]
    if twice:
        raise BadWeights(f"{path} has {twice[0]!r} more than once; labels must differ from one another.")
    return tuple(labels)


def _from_json(path: Path, text: str) -> list[str]:
    try:
        names = json.loads(text)
    except ValueError as error:
        raise BadWeights(f"{path} begins like a JSON list and is none: {error}.") from None
    if not all(isinstance(name, str) for name in names):
        raise BadWeights(f"{path} is a JSON list of something else than strings.")
    return [name.strip() for name in names]
