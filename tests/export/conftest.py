"""Runs as training leaves them, made in a moment: random weights, and pictures drawn for the purpose."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from export.artifact_files import digest
from export.checkpoint import CheckpointFacts, save_checkpoint
from export.data.dataset import DataSource
from export.onnx_graph import export_onnx
from export.recipes import RECIPES
from export.recipes.recipe import recipe_from_dict
from export.run_folder import RunFolder
from export.verification import read_verification
from export.verify import verify
from models import build_model

LABELS = ("bar", "dot", "ring")
RunMaker = Callable[..., RunFolder]


@pytest.fixture(scope="session")
def pictures_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class-per-folder dataset of 28 x 28 gray pictures, 40 per class."""
    root = tmp_path_factory.mktemp("data") / "shapes"
    rng = np.random.default_rng(7)
    for index, label in enumerate(LABELS):
        (root / label).mkdir(parents=True)
        for number in range(40):
            pixels = rng.integers(0, 60, size=(28, 28), dtype=np.uint8)
            top, left = rng.integers(4, 12, size=2)
            pixels[top : top + 12, left : left + 4 * (index + 1)] = 255
            Image.fromarray(pixels).save(root / label / f"{number:02}.png")
    return root


@pytest.fixture
def make_run(tmp_path: Path, pictures_dir: Path) -> RunMaker:
    """Make runs/NAME with random weights: `make_run(model, name=..., minimum_accuracy=...)`."""

    def make(model: str = "mnist_cnn", *, name: str | None = None, minimum_accuracy: float = 0.0) -> RunFolder:
        return _trained(tmp_path / "runs" / (name or model), model, pictures_dir, minimum_accuracy)

    return make


@pytest.fixture(scope="session")
def _verified(tmp_path_factory: pytest.TempPathFactory, pictures_dir: Path) -> RunFolder:
    run = _trained(tmp_path_factory.mktemp("verified") / "mnist_cnn", "mnist_cnn", pictures_dir, 0.0)
    export_onnx(run)
    verify(run)
    return run


@pytest.fixture
def copy_verified(tmp_path: Path, _verified: RunFolder) -> RunMaker:
    """Copy a verified run of mnist_cnn; `copy_verified(number)` gives artifacts whose bytes differ by the number."""

    def copy(number: int = 0) -> RunFolder:
        path = tmp_path / f"runs-{number}" / _verified.name
        shutil.copytree(_verified.path, path)
        run = replace(_verified, path=path)
        if number:
            proto = onnx.load(str(run.graph))
            proto.graph.name = f"graph {number}"
            onnx.save(proto, str(run.graph))
            figures = read_verification(run).model_copy(update={"sha256": digest(path)})
            run.verification.write_text(figures.model_dump_json())
        return run

    return copy


def _trained(path: Path, model: str, pictures_dir: Path, minimum_accuracy: float) -> RunFolder:
    values = RECIPES[model].on_other_data("shapes", keeps_polarity=True).to_dict()
    recipe = recipe_from_dict({**values, "validation_share": 0.25, "minimum_accuracy": minimum_accuracy})
    run = RunFolder(path=path, recipe=recipe, source=DataSource(pictures_dir=pictures_dir))
    run.note(training_images=90, processes=1)
    torch.manual_seed(1)
    network = build_model(model, num_classes=len(LABELS), in_channels=1)
    facts = CheckpointFacts(
        recipe=recipe,
        labels=LABELS,
        score="accuracy",
        validation_score=0.5,
        epoch=1,
        training_s=1.0,
        command=f"python -m export train {model}",
        source_revision="",
        versions={"lightning": "1.2.3"},
    )
    save_checkpoint(run, network.state_dict(), facts)
    return run
