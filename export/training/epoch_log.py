"""Keeps one row of figures per epoch: in metrics.csv, on the screen, and in the trainer's own checkpoints."""

import csv
import io
import time
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
from lightning.pytorch.callbacks import Callback

from export.atomic import write_whole


@dataclass(frozen=True, kw_only=True)
class EpochRow:
    """The figures of one epoch; what a score is, the learner says."""

    epoch: int
    """Counted from 1."""
    train_loss: float
    """As optimised: with augmentation and label smoothing, while the weights move."""
    train_score: float
    """Of augmented images, in [0, 1]."""
    validation_loss: float
    validation_score: float
    """In [0, 1]."""
    learning_rate: float
    """After the epoch's last step."""
    epoch_s: float
    """Wall-clock seconds, validation included."""


class EpochLog(Callback):
    """Writes metrics.csv anew after every epoch; a resumed training brings its earlier rows along."""

    def __init__(self, path: Path, *, epochs: int, score: str) -> None:
        self.rows: list[EpochRow] = []
        self._path = path
        self._epochs = epochs
        self._score = score
        self._started_s = 0.0

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Start the clock."""
        self._started_s = time.monotonic()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Add the row."""
        figures = {name: float(value) for name, value in trainer.callback_metrics.items()}
        row = EpochRow(
            epoch=trainer.current_epoch + 1,
            train_loss=figures["train_loss"],
            train_score=figures[f"train_{self._score}"],
            validation_loss=figures["validation_loss"],
            validation_score=figures[f"validation_{self._score}"],
            learning_rate=float(trainer.optimizers[0].param_groups[0]["lr"]),
            epoch_s=round(time.monotonic() - self._started_s, 3),
        )
        self.rows.append(row)
        if trainer.is_global_zero:
            write_whole(self._path, lambda path: path.write_text(to_csv(self.rows, self._score), encoding="utf-8"))
            print(
                f"epoch {row.epoch}/{self._epochs}: train loss {row.train_loss:.4f}, "
                f"validation loss {row.validation_loss:.4f}, "
                f"validation {in_words(self._score)} {row.validation_score:.2%}, {row.epoch_s:.1f} s",
                flush=True,
            )

    def state_dict(self) -> dict[str, Any]:
        """The rows, for the trainer's checkpoint."""
        return {"rows": [asdict(row) for row in self.rows]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The rows of the epochs before an interruption."""
        self.rows = [EpochRow(**row) for row in state_dict["rows"]]


def to_csv(rows: list[EpochRow], score: str) -> str:
    """The rows under a line of column names, such as `train_accuracy` for the score "accuracy"."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name.replace("score", score) for field in fields(EpochRow))
    writer.writerows(astuple(row) for row in rows)
    return text.getvalue()


def in_words(score: str) -> str:
    """The name of a score as it stands in sentences: "mean IoU" for "mean_iou"."""
    return score.replace("_", " ").replace("iou", "IoU")
