"""What the stages do in one way for classifiers and in another for segmenters, and which way a task takes."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from export.classification import stages as classification
from export.classification.evaluation import Evaluation
from export.data.dataset import DataSource
from export.recipes.recipe import Recipe
from export.run_folder import RunFolder
from export.segmentation import stages as segmentation
from export.segmentation.evaluation import MaskEvaluation
from export.serving_graph import ExportedGraph
from export.training.batches import TrainingData
from export.training.learner import Learner
from export.verification import Quality
from models.network import Network
from service.inference.model import LoadedModel
from service.repository.artifact import Task


class Stages(Protocol):
    """One way; a module is one."""

    def training_data(self, recipe: Recipe, source: DataSource) -> TrainingData:
        """The training files, split and preprocessed.

        Raises:
            DataNotFound, BadData: they are missing or damaged, test files of the user's own included.
        """

    def learner(self, network: Network, recipe: Recipe, data: TrainingData) -> Learner:
        """What is trained."""

    def measure(
        self, model: LoadedModel, graph: ExportedGraph, recipe: Recipe, source: DataSource
    ) -> tuple[NDArray[np.uint8] | None, Quality]:
        """How good the model is on the validation data, and images of it, (N, H, W, C), to compare with torch on.

        Raises:
            DataNotFound, BadData: the files are missing or damaged, or have other classes than the model.
        """

    def evaluate(self, model: LoadedModel, run: RunFolder, *, sha256: str) -> Evaluation | MaskEvaluation:
        """The model on the test files.

        Raises:
            DataNotFound, BadData: the files are missing or damaged, or have other classes than the model.
        """

    def draw_sheet(self, model: LoadedModel, run: RunFolder, file: Path) -> None:
        """Draw test pictures beside what the model makes of them; writes a PNG.

        Raises:
            DataNotFound, BadData: the files are missing or damaged, or have other classes than the model.
        """


_STAGES: dict[Task, Stages] = {"image-classification": classification, "image-segmentation": segmentation}


def stages_of(task: Task) -> Stages:
    """The way of a task."""
    return _STAGES[task]
