"""Test pictures of every class beside their maps, as the service draws them, on one page."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from export.atomic import write_whole
from export.data.dataset import Pictures
from export.picture_bytes import as_served
from service.inference.classifier import TOP_1, Prediction, explain_batch, top_k
from service.inference.heatmap import normalise_map, overlay_png
from service.inference.model import LoadedModel
from service.inference.preprocess import place_map

_CLASSES_AT_MOST = 10
_COLUMNS = 5
_CELL_INCHES = (2.6, 1.6)


@dataclass(frozen=True, kw_only=True)
class Explained:
    """A test picture, what the model says it is, and where it looked."""

    label: str
    """What the picture shows."""
    picture: Image.Image
    overlay: Image.Image
    """The map of the answer over the picture, of the same size."""
    is_blank: bool
    """Whether nothing spoke for the answer, so that the map is zero everywhere."""
    answer: Prediction


def draw_maps(model: LoadedModel, pictures: Pictures, file: Path) -> list[Explained]:
    """Draw the first picture of each class, ten classes at most, beside its map; writes a PNG.

    Raises:
        BadData: a picture is damaged.
    """
    examples = [explain(model, pictures, position) for position in _first_of_each(pictures)]
    figure = _draw(examples, _title(model))
    write_whole(file, lambda path: figure.savefig(path, format="png", dpi=150))
    return examples


def explain(model: LoadedModel, pictures: Pictures, position: int) -> Explained:
    """One picture through the serving path, explained for its best class."""
    picture = pictures.read(position)
    spec, labels = model.metadata.preprocessing, model.metadata.labels
    scores, maps, _ = explain_batch(model, as_served(picture, model)[np.newaxis], np.array([TOP_1]))
    heat = place_map(normalise_map(maps[0]), picture.size, spec)
    return Explained(
        label=pictures.labels[pictures.targets[position]],
        picture=picture,
        overlay=Image.open(BytesIO(overlay_png(picture, heat))),
        is_blank=not heat.any(),
        answer=top_k(scores[0], labels, 1)[0],
    )


def _first_of_each(pictures: Pictures) -> list[int]:
    """Position of the first picture per class, in the order of the labels; classes without one are left out."""
    _, positions = np.unique(pictures.targets, return_index=True)
    return [int(position) for position in positions[:_CLASSES_AT_MOST]]


def _title(model: LoadedModel) -> str:
    cam = model.metadata.cam
    assert cam is not None
    return f"{model.name}, version {model.version}: {cam.method} at {cam.layer}"


def _draw(examples: list[Explained], title: str) -> Figure:
    """Cells in reading order: the picture, its map, and what it is and is taken for above both."""
    rows = -(-len(examples) // _COLUMNS)
    figure = Figure(figsize=(_CELL_INCHES[0] * _COLUMNS, _CELL_INCHES[1] * rows + 0.4), layout="constrained")
    figure.suptitle(title)
    cells = figure.subfigures(rows, _COLUMNS, squeeze=False).flat
    for cell, example in zip(cells, examples, strict=False):
        answer = example.answer
        note = " (map is zero)" if example.is_blank else ""
        cell.suptitle(
            f"{example.label}: answered {answer.label}, {answer.score:.1%}{note}",
            fontsize="small",
            color="black" if answer.label == example.label else "firebrick",
        )
        for axes, image in zip(cell.subplots(1, 2), (example.picture, example.overlay), strict=True):
            axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axes.set_axis_off()
    return figure
