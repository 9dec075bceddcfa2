"""One training's folder, runs/<name>/: the names of the files through which the stages hand on their work."""

import json
from dataclasses import dataclass
from pathlib import Path

from export.artifact_files import artifact_files
from export.atomic import write_whole
from export.data.dataset import DataSource
from export.errors import MissingStage, RunMismatch
from export.recipes.recipe import Recipe, recipe_from_dict


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """The folder of one training, with the recipe and the data that it stands for."""

    path: Path
    recipe: Recipe
    source: DataSource
    weights: Path | None = None
    """File of the weights that training starts from; its SHA-256 stands in the recipe."""

    @property
    def name(self) -> str:
        """Name of the run, and of the published model."""
        return self.path.name

    @property
    def model(self) -> str:
        """Name of the network in models.MODELS."""
        return self.recipe.model

    @property
    def notes(self) -> Path:
        """Recipe and data source as JSON, written when training starts."""
        return self.path / "run.json"

    @property
    def last(self) -> Path:
        """State of the trainer after the last finished epoch; gone once the training has finished."""
        return self.path / "last.ckpt"

    @property
    def best(self) -> Path:
        """State of the trainer after the best epoch so far; gone once the training has finished."""
        return self.path / "best.ckpt"

    @property
    def checkpoint(self) -> Path:
        """Best weights of a finished training (state_dict); its sidecar is `checkpoint_facts`."""
        return self.path / "checkpoint.pt"

    @property
    def checkpoint_facts(self) -> Path:
        """Sidecar of the weights, JSON: recipe, labels, dataset, accuracy, versions, command."""
        return self.path / "checkpoint.json"

    @property
    def metrics(self) -> Path:
        """One row per epoch: losses, accuracies, learning rate, seconds."""
        return self.path / "metrics.csv"

    @property
    def curves(self) -> Path:
        """Loss and accuracy over the epochs."""
        return self.path / "curves.png"

    @property
    def graph(self) -> Path:
        """The exported artifact."""
        return self.path / "model.onnx"

    @property
    def verification(self) -> Path:
        """What verification measured, JSON."""
        return self.path / "verification.json"

    def command(self, stage: str) -> str:
        """The command that runs a stage on this folder, for people."""
        name = "" if self.name == self.model else f" --name {self.name}"
        return f"python -m export {stage} {self.model}{name}"

    def need(self, file: Path, stage: str) -> Path:
        """The file, which an earlier stage writes.

        Raises:
            MissingStage: it is not there; the sentence names the command that makes it.
        """
        if not file.is_file():
            raise MissingStage(f"{file} is missing; run '{self.command(stage)}' first.")
        return file

    def check_owner(self) -> None:
        """Find that what was trained here, if anything, is the training asked for.

        Raises:
            RunMismatch: the folder holds a training by another recipe or on other data.
        """
        if not (self.last.is_file() or self.checkpoint.is_file()):
            return
        noted = open_run(self.path, self.model, data_dir=self.source.data_dir)
        theirs, ours = noted.source.pictures_dir, self.source.pictures_dir
        if theirs != ours or noted.recipe.fingerprint() != self.recipe.fingerprint():
            other = "by another recipe" if theirs == ours else f"on {theirs or noted.recipe.dataset}"
            raise RunMismatch(f"{self.path} holds a training {other}; --name NAME keeps both, --force replaces it.")

    def note(self, *, training_images: int, processes: int) -> None:
        """Write down the recipe and the data, and over how many processes each epoch is shared out."""
        pictures_dir = self.source.pictures_dir
        notes = {
            "recipe": self.recipe.to_dict(),
            "pictures_dir": str(pictures_dir) if pictures_dir else None,
            "training_images": training_images,
            "processes": processes,
            "weights": str(self.weights.resolve()) if self.weights else None,
        }
        write_whole(self.notes, lambda path: path.write_text(json.dumps(notes, indent=2) + "\n", "utf-8"))

    def discard(self) -> None:
        """Remove what the stages have written here, and nothing else."""
        for file in (
            *(self.checkpoint, self.checkpoint_facts, self.notes, self.last, self.best),
            *(self.metrics, self.curves, self.verification, *artifact_files(self.path)),
        ):
            file.unlink(missing_ok=True)


def open_run(path: Path, model: str | None, *, data_dir: Path | None) -> RunFolder:
    """The folder of a training that was begun earlier, of the network `model`, or of whatever one where that is None.

    Raises:
        MissingStage: no training was begun there.
        RunMismatch: its notes cannot be read, or are of another network.
    """
    notes_file = path / "run.json"
    if not notes_file.is_file():
        name = "" if model in (path.name, None) else f" --name {path.name}"
        command = f"python -m export train {model or path.name}{name}"
        raise MissingStage(f"{path} holds no training; run '{command}' first.")
    try:
        notes = json.loads(notes_file.read_text("utf-8"))
        recipe = recipe_from_dict(notes["recipe"])
        pictures_dir, weights = (Path(path) if path else None for path in (notes["pictures_dir"], notes.get("weights")))
    except (ValueError, KeyError, TypeError) as error:
        raise RunMismatch(f"{notes_file} cannot be read ({error}); --force trains anew.") from None
    if model not in (recipe.model, None):
        raise RunMismatch(f"{path} holds a training of {recipe.model}, not of {model}.")
    source = DataSource(data_dir=data_dir, pictures_dir=pictures_dir)
    return RunFolder(path=path, recipe=recipe, source=source, weights=weights)
