"""Runs as training leaves them, made in a moment: random weights, and pictures drawn for the purpose."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from export.checkpoint import CheckpointFacts, save_checkpoint
from export.data.dataset import DataSource
from export.recipes import RECIPES
from export.run_folder import RunFolder
from models import build_model

LABELS = ("bar", "dot", "ring")
RunMaker = Callable[..., RunFolder]


@pytest.fixture(scope="session")
def pictures_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class-per-folder dataset of 28 x 28 gray pictures, 40 per class."""
    root = tmp_path_factory.mktemp("shapes")
    rng = np.random.default_rng(7)
    for index, label in enumerate(LABELS):
        (root / label).mkdir()
        for number in range(40):
            pixels = rng.integers(0, 60, size=(28, 28), dtype=np.uint8)
            top, left = rng.integers(4, 12, size=2)
            pixels[top : top + 12, left : left + 4 * (index + 1)] = 255
            Image.fromarray(pixels).save(root / label / f"{number:02}.png")
    return root


@pytest.fixture
def make_run(tmp_path: Path, pictures_dir: Path) -> RunMaker:
    """Make runs/<name>/ with random weights: `make_run(model, name=..., seed=..., minimum_accuracy=...)`."""

    def make(
        model: str = "mnist_cnn", *, name: str | None = None, seed: int = 1, minimum_accuracy: float = 0.0
    ) -> RunFolder:
        recipe = RECIPES[model].on_other_data("shapes", keeps_polarity=True)
        recipe = replace(recipe, validation_share=0.25, minimum_accuracy=minimum_accuracy)
        path = tmp_path / "runs" / (name or model)
        run = RunFolder(path=path, recipe=recipe, source=DataSource(pictures_dir=pictures_dir))
        run.note()
        torch.manual_seed(seed)
        network = build_model(model, num_classes=len(LABELS), in_channels=1)
        facts = CheckpointFacts(
            recipe=recipe,
            labels=LABELS,
            validation_accuracy=0.5,
            epoch=1,
            training_s=1.0,
            command=f"python -m export train {model}",
            source_revision="",
            versions={"lightning": "1.2.3"},
        )
        save_checkpoint(run, network.state_dict(), facts)
        return run

    return make
