"""A bar on the terminal that fills once per epoch."""

from typing import Any

import lightning.pytorch as lightning
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class EpochBar(Callback):
    """Shows the epoch, its steps and the time that is left of it; nothing where nobody looks at a terminal."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, transient=True, disable=not Console().is_terminal)
        self._bar = self._progress.add_task("")

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Show the bar; what is printed meanwhile appears above it."""
        if trainer.is_global_zero:
            self._progress.start()

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Begin at the left."""
        title = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        self._progress.reset(self._bar, description=title, total=int(trainer.num_training_batches))

    def on_train_batch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *_: Any) -> None:
        """One step further."""
        self._progress.advance(self._bar)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Take the bar away."""
        self._progress.stop()

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        """Take the bar away."""
        self._progress.stop()
