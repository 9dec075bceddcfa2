"""Compares trainings: the score on the validation data over training steps, one curve per run, in one picture."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from export.atomic import write_whole
from export.errors import BadData, MissingStage, UsageError
from export.training.epoch_log import in_words

_PREFIX = "validation_"


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One training, finished or not."""

    name: str
    steps: tuple[int, ...]
    """Steps of the optimizer at the end of each epoch."""
    score: str
    """What was measured, "accuracy" or "mean_iou"."""
    scores: tuple[float, ...]
    """On the validation data after each epoch, in [0, 1]."""

    @property
    def best(self) -> float:
        """Highest score."""
        return max(self.scores)


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
        # A last batch of a single image is left out, see export.training.batches.
        batches = max(1, -(-(int(notes["training_images"]) - 1) // together))
        (column,) = {name for name in rows[0] if name.startswith(_PREFIX)} - {f"{_PREFIX}loss"}
        return Curve(
            name=folder.name,
            steps=tuple(batches * int(row["epoch"]) for row in rows),
            score=column.removeprefix(_PREFIX),
            scores=tuple(float(row[column]) for row in rows),
        )
    except FileNotFoundError as error:
        raise MissingStage(f"{error.filename} is missing: no epoch of a training has finished there.") from None
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise BadData(f"{folder} holds no figures of a training: {error}.") from None


def draw_comparison(curves: list[Curve], file: Path, *, title: str) -> None:
    """Write a PNG, with the best score of each curve in the legend.

    Raises:
        UsageError: the curves are of different scores.
    """
    if len({curve.score for curve in curves}) > 1:
        raise UsageError(f"{', '.join(curve.name for curve in curves)} were not judged by the same score.")
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.subplots()
    for curve in curves:
        percent = [100 * score for score in curve.scores]
        axes.plot(curve.steps, percent, ".-", label=f"{curve.name} (best {curve.best:.2%})")
    axes.set(xlabel="training steps", ylabel=f"validation {in_words(curves[0].score)} (%)", title=title)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    write_whole(file, lambda path: figure.savefig(path, format="png", dpi=130))
