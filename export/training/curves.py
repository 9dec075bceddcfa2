"""Draws the curves of a training: loss and score over the epochs, for training and validation."""

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from export.atomic import write_whole
from export.training.epoch_log import EpochRow

_TRAIN, _VALIDATION = "tab:blue", "tab:orange"
# Losses and scores of training are of changed images: without this in the legend they look like a mistake.
_TRAIN_LABEL = "train (augmented)"


def draw_curves(rows: list[EpochRow], path: Path, *, title: str, score: str, kept_epoch: int) -> None:
    """Write a PNG of two charts side by side; a thin line marks the epoch whose weights were kept."""
    # A figure of its own, without pyplot: no display, no global state.
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    epochs = [row.epoch for row in rows]
    loss, scores = figure.subplots(1, 2)
    loss.plot(epochs, [row.train_loss for row in rows], ".-", color=_TRAIN, label=_TRAIN_LABEL)
    loss.plot(epochs, [row.validation_loss for row in rows], ".-", color=_VALIDATION, label="validation")
    loss.set(ylabel="loss", yscale="log")
    scores.plot(epochs, [100 * row.train_score for row in rows], ".-", color=_TRAIN, label=_TRAIN_LABEL)
    scores.plot(epochs, [100 * row.validation_score for row in rows], ".-", color=_VALIDATION, label="validation")
    scores.set(ylabel=f"{score} (%)")
    for axes in (loss, scores):
        axes.axvline(kept_epoch, color="gray", linewidth=0.8, label="kept weights")
        axes.set(xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle(title)
    write_whole(path, lambda temporary: figure.savefig(temporary, dpi=110, format="png"))
