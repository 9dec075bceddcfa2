"""Training for real, in small: figures, resuming after a kill, early stopping, own pictures."""

import csv
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from export.blueprint import load_trained
from export.checkpoint import load_facts
from export.data.dataset import DataSource
from export.errors import DataNotFound, RunMismatch
from export.recipes import RECIPES
from export.recipes.recipe import recipe_from_dict
from export.run_folder import RunFolder, open_run
from export.train import lightning_precision, train

EPOCHS = 4


def small_run(path: Path, pictures_dir: Path, *, model: str = "mnist_cnn", **changes: object) -> RunFolder:
    """A training of seconds: 120 pictures of three shapes."""
    values = {
        "epochs": EPOCHS,
        "batch_size": 8,
        "learning_rate": 5e-3,
        "warmup_epochs": 1,
        "ema_decay": 0.5,
        "validation_share": 0.2,
    }
    recipe = RECIPES[model].on_other_data("shapes", keeps_polarity=True).to_dict()
    return RunFolder(
        path=path,
        recipe=recipe_from_dict({**recipe, **values, "precision": "fp32", **changes}),
        source=DataSource(pictures_dir=pictures_dir),
    )


def rows(run: RunFolder) -> list[dict[str, float]]:
    """The figures of metrics.csv, without the times."""
    with run.metrics.open() as file:
        return [{key: float(value) for key, value in row.items() if key != "epoch_s"} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, pictures_dir: Path) -> RunFolder:
    """An uninterrupted training."""
    run = small_run(tmp_path_factory.mktemp("runs") / "whole", pictures_dir)
    train(run)
    return run


def test_a_training_learns_and_leaves_its_files(finished: RunFolder) -> None:
    assert [row["epoch"] for row in rows(finished)] == [1, 2, 3, 4]
    assert rows(finished)[-1]["train_loss"] < rows(finished)[0]["train_loss"]
    network, facts = load_trained(finished)
    assert facts.labels == ("bar", "dot", "ring")
    assert facts.validation_score == max(row["validation_accuracy"] for row in rows(finished))
    assert facts.validation_score > 0.6
    assert network(torch.zeros(1, 1, 28, 28)).shape == (1, 3)
    with Image.open(finished.curves) as curves:
        assert curves.format == "PNG"
        assert curves.width > 800
    left = {file.name for file in finished.path.iterdir()}
    assert left == {"run.json", "metrics.csv", "curves.png", "checkpoint.pt", "checkpoint.json"}


def test_the_same_seed_gives_the_same_figures_and_another_seed_others(
    finished: RunFolder, tmp_path: Path, pictures_dir: Path
) -> None:
    again = small_run(tmp_path / "again", pictures_dir)
    train(again)
    assert rows(again) == rows(finished)
    other = small_run(tmp_path / "other", pictures_dir, seed=6)
    train(other)
    assert rows(other)[0]["train_loss"] != rows(finished)[0]["train_loss"]


def test_a_finished_training_is_not_repeated(finished: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    before = finished.checkpoint.stat().st_mtime_ns
    train(finished)
    assert "nothing to do" in capsys.readouterr().out
    assert finished.checkpoint.stat().st_mtime_ns == before


def test_a_finished_training_is_not_overwritten_by_another_recipe(finished: RunFolder) -> None:
    with pytest.raises(RunMismatch, match="--force"):
        train(replace(finished, recipe=replace(finished.recipe, learning_rate=0.5)))


# Sends itself a signal in the middle of the third of four epochs: eleven batches each.
_TRAIN_AND_STOP = """
import json, os, signal, sys
from pathlib import Path
from export.data.dataset import DataSource
from export.classification.learner import ClassifierLearner as Learner
from export.recipes.recipe import recipe_from_dict
from export.run_folder import RunFolder, open_run
from export.train import train

step = Learner.training_step
def step_or_stop(self, batch, index):
    if self.current_epoch == 2 and index == 5:
        os.kill(os.getpid(), int(number))
    return step(self, batch, index)
Learner.training_step = step_or_stop

# Whoever started the tests in the background has taught their children to ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
path, pictures, recipe, number = sys.argv[1:]
source = DataSource(pictures_dir=Path(pictures))
run = RunFolder(path=Path(path), recipe=recipe_from_dict(json.loads(recipe)), source=source)
train(run)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_training_that_was_stopped_goes_on_and_ends_where_it_would_have_ended(
    number: signal.Signals,
    finished: RunFolder,
    tmp_path: Path,
    pictures_dir: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = small_run(tmp_path / "stopped", pictures_dir)
    arguments = (str(run.path), str(pictures_dir), json.dumps(run.recipe.to_dict()), str(int(number)))
    process = subprocess.run(
        [sys.executable, "-c", _TRAIN_AND_STOP, *arguments], timeout=120, check=False, capture_output=True, text=True
    )
    if number is signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.stderr.splitlines()[-1] == "KeyboardInterrupt"
    assert len(rows(run)) == 2
    assert not run.checkpoint.exists()

    train(run)
    printed = capsys.readouterr().out
    assert "Going on from the last finished epoch" in printed
    assert "epoch 1/4" not in printed
    assert rows(run) == rows(finished)
    ours, theirs = load_trained(run)[0].state_dict(), load_trained(finished)[0].state_dict()
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    assert load_facts(run).epoch == load_facts(finished).epoch


def test_training_stops_when_validation_gets_no_better(tmp_path: Path, pictures_dir: Path) -> None:
    run = small_run(
        tmp_path / "stuck", pictures_dir, epochs=30, patience_epochs=2, learning_rate=1e-12, warmup_epochs=0
    )
    train(run)
    assert len(rows(run)) == 3
    assert load_facts(run).epoch == 1


def test_raw_weights_train_too_and_lenet5_learns(tmp_path: Path, pictures_dir: Path) -> None:
    run = small_run(tmp_path / "raw", pictures_dir, model="lenet5", ema_decay=0, optimizer="sgd", learning_rate=1e-4)
    train(run)
    assert rows(run)[-1]["train_loss"] < rows(run)[0]["train_loss"]


def test_a_training_without_data_leaves_no_claim(tmp_path: Path) -> None:
    run = small_run(tmp_path / "runs" / "none", tmp_path / "nowhere")
    with pytest.raises(DataNotFound):
        train(run)
    assert not run.path.exists()


def test_mixed_precision_is_used_where_the_device_has_it_and_trains(
    tmp_path: Path, pictures_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lightning_precision("fp32") == "32-true"
    chosen = lightning_precision("bf16")
    said = "does not have" in capsys.readouterr().out
    assert said == (chosen == "32-true")
    run = small_run(tmp_path / "mixed", pictures_dir, precision="bf16", epochs=2, warmup_epochs=0)
    train(run)
    assert load_facts(run).recipe.precision == "bf16"
    assert all(value.dtype == torch.float32 for value in load_trained(run)[0].state_dict().values())


def test_two_processes_of_torchrun_train_one_network(tmp_path: Path, pictures_dir: Path) -> None:
    arguments = ["train", "mnist_cnn", "--data", str(pictures_dir), "--epochs", "2", "--runs", str(tmp_path)]
    process = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            "2",
            "-m",
            "export",
            *arguments,
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=180,
        check=False,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.count("epoch 2/2") == 1
    run = open_run(tmp_path / "mnist_cnn", "mnist_cnn", data_dir=None)
    assert [row["epoch"] for row in rows(run)] == [1, 2]
    assert load_facts(run).labels == ("bar", "dot", "ring")
