"""One training's folder, runs/<name>/: the names of the files through which the stages hand on their work."""

from dataclasses import dataclass
from pathlib import Path

from export.data.dataset import DataSource
from export.errors import MissingStage
from export.recipes.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """The folder of one training, with the recipe and the data that it stands for."""

    path: Path
    recipe: Recipe
    source: DataSource

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
        """State of the trainer after the last finished epoch, to resume from."""
        return self.path / "last.ckpt"

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

    def need(self, file: Path, stage: str) -> Path:
        """The file, which an earlier stage writes.

        Raises:
            MissingStage: it is not there; the sentence names the command that makes it.
        """
        if not file.is_file():
            raise MissingStage(f"{file} is missing; run 'python -m export {stage} {self.name}' first.")
        return file
