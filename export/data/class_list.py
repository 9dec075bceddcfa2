"""The class list of a folder of masks: names, and the colours that stand for them where masks are coloured."""

import re
from dataclasses import dataclass
from pathlib import Path

from export.data.masked import CLASSES_AT_MOST
from export.errors import BadData
from service.inference.masks.palette import class_colours

Colour = tuple[int, int, int]

_COLOURED = re.compile(r"(?P<label>.*\S)\s+(?P<colour>\d+\s+\d+\s+\d+)")
_LABELMAP = re.compile(r"(?P<label>[^:]+):(?P<colour>\d+,\d+,\d+)?:[^:]*:[^:]*")


@dataclass(frozen=True, kw_only=True)
class ClassList:
    """The classes of a dataset, in the order of their ids."""

    labels: tuple[str, ...]
    colours: tuple[Colour, ...] | None
    """(red, green, blue) per class, each 0 to 255, all different; None where ids are all that masks hold."""


def read_class_list(path: Path) -> ClassList:
    """The classes in a text file, one a line; the first has id 0, and is the background where there is one.

    The file is UTF-8. A line is a name, or a name and a colour: `road 128 64 128`, or `road:128,64,128::` as in
    CVAT's labelmap.txt. Either every class has a colour or none. Lines that begin with # are comments.

    Raises:
        BadData: it cannot be read, it is not such a list, or it has fewer than 2 classes or more than 255.
    """
    try:
        # Decoded here: as a text file a carriage return alone would end a line.
        text = path.read_bytes().decode("utf-8-sig").rstrip()
    except UnicodeDecodeError:
        raise BadData(f"{path} is not UTF-8 text.") from None
    except OSError as error:
        raise BadData(f"{path} cannot be read: {error.strerror}.") from None
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if not line.startswith("#")]
    classes: dict[str, Colour | None] = {}
    for number, line in lines:
        label, colour = _parse(line.strip())
        if not label or not label.isprintable():
            raise BadData(f"{path} has no name that can be shown in line {number}.")
        if label in classes:
            raise BadData(f"{path} has {label!r} more than once; labels must differ from one another.")
        if colour is not None and max(colour) > 255:
            raise BadData(f"{path} has a colour with values above 255 in line {number}.")
        if colour is not None and colour in classes.values():
            raise BadData(f"{path} has the colour of {label!r} more than once; colours must differ from one another.")
        classes[label] = colour
    if not 2 <= len(classes) <= CLASSES_AT_MOST:
        named = "1 class" if len(classes) == 1 else f"{len(classes)} classes"
        raise BadData(f"{path} names {named}; there must be 2 to {CLASSES_AT_MOST}.")
    colours = tuple(colour for colour in classes.values() if colour is not None)
    if len(colours) not in (0, len(classes)):
        raise BadData(f"{path} gives {len(colours)} of {len(classes)} classes a colour; it must be all or none.")
    return ClassList(labels=tuple(classes), colours=colours or None)


def voc_colour(index: int) -> Colour:
    """The colour of a class id, below 256, in Pascal VOC's masks."""
    red, green, blue = class_colours(256, background=True)[index].tolist()
    return red, green, blue


def _parse(line: str) -> tuple[str, Colour | None]:
    match = _LABELMAP.fullmatch(line) or _COLOURED.fullmatch(line)
    if match is None:
        return line, None
    label = match["label"].strip()
    if match["colour"] is None:
        return label, None
    red, green, blue = (int(digits) for digits in re.findall(r"\d+", match["colour"]))
    return label, (red, green, blue)
