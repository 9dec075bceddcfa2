"""The train stage: a recipe and its data become a checkpoint, a table of figures and a plot of the curves."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as lightning
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, WeightAveraging

from export.atomic import write_whole
from export.blueprint import Blueprint
from export.checkpoint import CheckpointFacts, load_facts, save_checkpoint
from export.errors import BadData
from export.fine_tuning import load_trunk
from export.provenance import command_line, library_versions, source_revision
from export.recipes.recipe import Precision, Recipe
from export.run_folder import RunFolder
from export.tasks import stages_of
from export.training.averaging import moving_average
from export.training.batches import TrainingData
from export.training.curves import draw_curves
from export.training.epoch_bar import EpochBar
from export.training.epoch_log import EpochLog, EpochRow, in_words
from export.training.learner import Learner

_MAKERS = ("torch", "lightning", "torchmetrics", "kornia", "numpy")


class WholeFiles(TorchCheckpointIO):
    """Writes the trainer's checkpoints by one rename in their own folder.

    Lightning's own writer goes over the system's temporary folder, which on another disk means a copy that a
    kill can cut in half.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint; readers see the old file or the new one."""
        write_whole(Path(path), lambda temporary: torch.save(checkpoint, temporary))


def train(run: RunFolder) -> None:
    """Train the run's recipe on its data, going on from the last finished epoch of an interrupted training.

    A training that has finished is left as it is. Prints what it does and one line per epoch.

    Raises:
        DataNotFound, BadData: the dataset is missing or damaged.
        RunMismatch: the folder holds another training.
    """
    run.check_owner()
    if run.checkpoint.is_file():
        facts = load_facts(run)
        reached = f"validation {facts.score} {facts.validation_score:.2%}"
        print(f"{run.path} holds this training, finished with {reached}; nothing to do.")
        return
    # Before the data, whose order and split must not hang on what was drawn earlier.
    lightning.seed_everything(run.recipe.seed, workers=True, verbose=False)
    stages = stages_of(run.recipe.task)
    data = stages.training_data(run.recipe, run.source)
    network = Blueprint.of_recipe(run.recipe, data.labels).build()
    learner = stages.learner(network, run.recipe, data)
    log = EpochLog(run.metrics, epochs=run.recipe.epochs, score=learner.score)
    with _quiet():
        is_first_device = _fit(run, data, learner, log)
    if not is_first_device:
        raise SystemExit(0)
    _finish(run, data, log.rows, score=in_words(learner.score))


def lightning_precision(wanted: Precision) -> Literal["32-true", "bf16-mixed"]:
    """What to ask of the trainer: mixed precision only where the device computes in bf16."""
    if wanted == "fp32":
        return "32-true"
    if torch.cuda.is_available():
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        abilities = torch.cpu.get_capabilities()
        has_bf16 = bool(abilities.get("avx512_bf16") or abilities.get("amx_bf16") or abilities.get("bf16"))
    if not has_bf16:
        print("The recipe asks for bf16, which this device does not have; training in fp32.")
    return "bf16-mixed" if has_bf16 else "32-true"


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what libraries say that does not concern the user here."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # Batches come from memory by one indexing each: worker processes would only add copies.
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            # Lightning's use of torch, not ours.
            warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated", category=FutureWarning)
            # The run folder holds the files of all stages.
            warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _fit(run: RunFolder, data: TrainingData, learner: Learner, log: EpochLog) -> bool:
    """Run the epochs that are left; True on the device that writes the files."""
    recipe = run.recipe
    resumes = run.last.is_file()
    if run.weights and not resumes:
        load_trunk(learner.network, recipe, run.weights)
    monitor = f"validation_{learner.score}"
    callbacks: list[Callback] = [
        log,
        EpochBar(),
        EarlyStopping(monitor=monitor, mode="max", patience=recipe.patience_epochs),
        _keeper(run.best, monitor=monitor),
        # After the other keeper: an epoch counts as finished once its best weights are kept.
        _keeper(run.last, monitor=None),
    ]
    if recipe.ema_decay > 0:
        callbacks.append(WeightAveraging(multi_avg_fn=moving_average(recipe.ema_decay)))
    devices, machines = _started_by_torchrun()
    trainer = lightning.Trainer(
        accelerator="auto",
        devices=devices,
        num_nodes=machines,
        strategy=_strategy(recipe, devices),
        precision=lightning_precision(recipe.precision),
        max_epochs=recipe.epochs,
        callbacks=callbacks,
        plugins=[WholeFiles()],
        logger=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        num_sanity_val_steps=0,
        default_root_dir=run.path,
    )
    run.note(training_images=data.images, processes=trainer.world_size)
    if resumes:
        print(f"Going on from the last finished epoch in {run.last}.")
    try:
        trainer.fit(
            learner,
            data.batches,
            data.validation,
            ckpt_path=run.last if resumes else None,
            weights_only=True,
        )
    except SystemExit:
        # Lightning turns Ctrl-C and SIGTERM into silent exits, one of them with code 0.
        if trainer.interrupted:
            raise KeyboardInterrupt from None
        raise
    return bool(trainer.is_global_zero)


def _started_by_torchrun() -> tuple[int | Literal["auto"], int]:
    """Devices on this machine and number of machines; all devices of this one where torchrun has not started us."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return "auto", 1
    here = int(os.environ["LOCAL_WORLD_SIZE"])
    return here, int(os.environ["WORLD_SIZE"]) // here


def _strategy(recipe: Recipe, devices: int | Literal["auto"]) -> str:
    """Lightning's own choice, except that several devices must not wait for gradients of a frozen trunk."""
    several = (torch.cuda.device_count() if devices == "auto" else devices) > 1
    return "ddp_find_unused_parameters_true" if several and recipe.frozen_epochs else "auto"


def _keeper(path: Path, *, monitor: str | None) -> ModelCheckpoint:
    """Keeps one file: of the best epoch by the figure, or of the last epoch."""
    return ModelCheckpoint(
        dirpath=path.parent.resolve(),
        filename=path.stem,
        monitor=monitor,
        mode="max",
        save_top_k=1,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )


def _finish(run: RunFolder, data: TrainingData, rows: list[EpochRow], *, score: str) -> None:
    """Take the best epoch's weights out of the trainer's file, draw the curves, write the checkpoint."""
    best: dict[str, Any] = torch.load(run.best, map_location="cpu", weights_only=True)
    prefix = "network."
    weights = {
        # `contiguous` leaves tensors as they are whose odd strides belong to axes of length 1, as channels_last has
        # them; torch's exporter then takes another way through the network and may end in an error.
        name.removeprefix(prefix): value.clone(memory_format=torch.contiguous_format)
        for name, value in best["state_dict"].items()
        if name.startswith(prefix)
    }
    kept = next((row for row in rows if row.epoch == best["epoch"] + 1), None)
    if kept is None:
        raise BadData(f"{run.best} is of another training than {run.last}; train anew with --force.")
    draw_curves(rows, run.curves, title=f"{run.name} on {data.dataset}", score=score, kept_epoch=kept.epoch)
    facts = CheckpointFacts(
        recipe=run.recipe,
        labels=data.labels,
        score=score,
        validation_score=kept.validation_score,
        epoch=kept.epoch,
        training_s=round(sum(row.epoch_s for row in rows), 1),
        command=command_line(),
        source_revision=source_revision(),
        versions=library_versions(*_MAKERS),
    )
    save_checkpoint(run, weights, facts)
    for file in (run.last, run.best):
        file.unlink()
    print(
        f"Trained {run.name}: validation {score} {kept.validation_score:.2%} at epoch {kept.epoch} of "
        f"{len(rows)}, {facts.training_s:.0f} s; weights in {run.checkpoint}."
    )
