"""Compares trainings: validation accuracy over training steps, one curve per run, in one picture."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from export.atomic import write_whole
from export.errors import BadData, MissingStage


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One training, finished or not."""

    name: str
    steps: tuple[int, ...]
    """Steps of the optimizer at the end of each epoch."""
    accuracies: tuple[float, ...]
    """Validation accuracy after each epoch, in [0, 1]."""

    @property
    def best(self) -> float:
        """Highest accuracy."""
        return max(self.accuracies)


def read_curve(folder: Path) -> Curve:
    """The curve of the run in a folder.

    Raises:
        MissingStage: no epoch of a training has finished there.
        BadData: its files cannot be read.
    """
    try:
        notes = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        together = int(notes["recipe"]["batch_size"]) * int(notes.get("processes", 1))
        batches = -(-int(notes["training_images"]) // together)
        return Curve(
            name=folder.name,
            steps=tuple(batches * int(row["epoch"]) for row in rows),
            accuracies=tuple(float(row["validation_accuracy"]) for row in rows),
        )
    except FileNotFoundError as error:
        raise MissingStage(f"{error.filename} is missing: no epoch of a training has finished there.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise BadData(f"{folder} holds no figures of a training: {error}.") from None


def draw_comparison(curves: list[Curve], file: Path, *, title: str) -> None:
    """Write a PNG; each curve is named beside its end, with its best accuracy in the legend."""
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.subplots()
    for curve in curves:
        percent = [100 * accuracy for accuracy in curve.accuracies]
        axes.plot(curve.steps, percent, ".-", label=f"{curve.name} (best {curve.best:.2%})")
    axes.set(xlabel="training steps", ylabel="validation accuracy (%)", title=title)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    write_whole(file, lambda path: figure.savefig(path, format="png", dpi=130))
