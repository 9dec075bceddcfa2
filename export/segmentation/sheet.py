"""Test pictures beside the masks that a segmenter makes of them, as the service makes them, on one page."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from export.atomic import write_whole
from export.data.masked import MaskedPictures
from export.recipes.recipe import IGNORED
from export.segmentation.scores import confusion, mean_iou
from export.segmentation.serving_path import segment_as_served
from service.inference.masks.palette import class_colours
from service.inference.model import LoadedModel

_PICTURES_AT_MOST = 6
_CELL_INCHES = 1.7
_WRONG, _RIGHT, _UNCOUNTED = (200, 40, 30), (235, 235, 235), (150, 150, 150)
_TITLES = ("picture", "truth", "prediction", "error")


def draw_masks(model: LoadedModel, pictures: MaskedPictures, file: Path) -> None:
    """Draw picture, truth, prediction and error of the first pictures, six at most; writes a PNG.

    Raises:
        BadData: a picture is damaged.
    """
    labels = model.metadata.labels
    ignored = model.metadata.recipe.get("ignore_index", IGNORED)
    colours = class_colours(len(labels), background=model.metadata.has_background)
    # What is ignored is white: no class of the palette is.
    truth_colours = np.full((256, 3), 255, np.uint8)
    truth_colours[: len(labels)] = colours
    count = min(len(pictures), _PICTURES_AT_MOST)
    figure = Figure(figsize=(_CELL_INCHES * 4 + 1.6, _CELL_INCHES * count + 0.6), layout="constrained")
    figure.suptitle(f"{model.name}, version {model.version}: test pictures of {pictures.dataset}")
    rows = figure.subplots(count, len(_TITLES), squeeze=False)
    for position, row in enumerate(rows):
        picture, truth = pictures.read(position)
        answer = segment_as_served(model, picture)
        score = mean_iou(confusion(answer, truth, classes=len(labels)), ignored=ignored)
        views = (picture, truth_colours[truth], colours[answer], _errors(answer, truth))
        for axes, view, title in zip(row, views, _TITLES, strict=True):
            axes.imshow(view, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            if position == 0:
                axes.set_title(title, fontsize="small")
        row[0].set_ylabel(f"mean IoU {score:.0%}", fontsize="small")
    patches = [Patch(color=_web(colour), label=label) for colour, label in zip(colours, labels, strict=True)]
    patches.append(Patch(color=_web(_WRONG), label="wrong"))
    figure.legend(handles=patches, loc="outside right upper", fontsize="small", frameon=False)
    write_whole(file, lambda path: figure.savefig(path, format="png", dpi=110))


def _web(colour: Iterable[int]) -> str:
    return "#" + "".join(f"{channel:02x}" for channel in colour)


def _errors(answer: NDArray[np.uint8], truth: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Where prediction and truth differ, (H, W, 3)."""
    view: NDArray[np.uint8] = np.array([_WRONG, _RIGHT], np.uint8)[(answer == truth).astype(np.uint8)]
    view[truth == IGNORED] = _UNCOUNTED
    return view
