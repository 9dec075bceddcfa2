"""Training segmenters for real, in small: figures, resuming after a kill, every layout of folders, from weights."""

import csv
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from export.__main__ import STAGES, main
from export.blueprint import load_trained
from export.checkpoint import load_facts
from export.command_line import build_parser
from export.comparison import read_curve
from export.data.dataset import DataSource
from export.data.masked_loading import load_masked_validation
from export.errors import BadData, BadWeights, RunMismatch
from export.recipes.recipe import SegmentationRecipe
from export.run_folder import RunFolder, open_run
from export.segmentation.stages import training_data
from export.train import train
from export.training_options import new_run
from tests.export.masked_shapes import LABELS, LayoutName, put_shapes
from tests.export.segmentation.conftest import small_run


def rows(run: RunFolder) -> list[dict[str, float]]:
    """The figures of metrics.csv, without the times."""
    with run.metrics.open() as file:
        return [{key: float(value) for key, value in row.items() if key != "epoch_s"} for row in csv.DictReader(file)]


def test_a_training_learns(finished: RunFolder) -> None:
    scores = [row["validation_mean_iou"] for row in rows(finished)]
    facts = load_facts(finished)
    assert (facts.labels, facts.score) == (LABELS, "mean IoU")
    assert facts.validation_score == max(scores) > 0.6
    assert rows(finished)[-1]["train_loss"] < rows(finished)[0]["train_loss"] / 2


# Sends itself a signal in the middle of the third epoch.
_TRAIN_AND_STOP = """
import json, os, sys
from pathlib import Path
from export.data.dataset import DataSource
from export.recipes.recipe import recipe_from_dict
from export.run_folder import RunFolder
from export.segmentation.learner import SegmenterLearner as Learner
from export.train import train

step = Learner.training_step
def step_or_stop(self, batch, index):
    if self.current_epoch == 2 and index == 2:
        os.kill(os.getpid(), 9)
    return step(self, batch, index)
Learner.training_step = step_or_stop

path, pictures, recipe = sys.argv[1:]
source = DataSource(pictures_dir=Path(pictures))
train(RunFolder(path=Path(path), recipe=recipe_from_dict(json.loads(recipe)), source=source))
"""


def test_a_training_that_was_killed_goes_on_and_ends_where_it_would_have_ended(
    finished: RunFolder, tmp_path: Path, squares_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = small_run(tmp_path / "squares", squares_dir)
    arguments = [str(run.path), str(squares_dir), json.dumps(run.recipe.to_dict())]
    process = subprocess.run([sys.executable, "-c", _TRAIN_AND_STOP, *arguments], timeout=120, check=False)
    assert process.returncode == -signal.SIGKILL
    assert len(rows(run)) == 2
    train(run)
    assert "Going on from the last finished epoch" in capsys.readouterr().out
    assert rows(run) == rows(finished)
    ours, theirs = load_trained(run)[0].state_dict(), load_trained(finished)[0].state_dict()
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())


@pytest.mark.parametrize(
    ("layout", "labels", "choices"),
    [
        ("plain", LABELS, "--class-weights 0.2,1,1 --cross-entropy-weight 2 --dice-weight 0"),
        ("pets", ("background", "pet", "border"), "--ignore-index 2 --class-weights balanced"),
        ("voc", LABELS, "--cross-entropy-weight 0 --dice-weight 1"),
    ],
)
def test_a_folder_of_each_layout_trains(
    layout: LayoutName, labels: tuple[str, ...], choices: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = put_shapes(tmp_path / "data", layout)
    command = f"train unet --data {data} --runs {tmp_path / 'runs'} --size 32 --epochs 1 {choices}"
    assert main([*command.split(), "--option", "width=4", "--option", "depth=2"]) == 0
    assert "data has no test split: 3 pictures are held out for the test" in capsys.readouterr().out
    run = open_run(tmp_path / "runs" / "unet", "unet", data_dir=None)
    assert load_facts(run).labels == labels
    assert len(rows(run)) == 1


def test_an_ignored_class_is_left_out_of_what_is_learnt_and_of_what_it_weighs(
    squares_dir: Path, tmp_path: Path
) -> None:
    recipe = small_run(tmp_path, squares_dir).recipe
    assert isinstance(recipe, SegmentationRecipe)
    recipe = replace(recipe, ignore_index=1, class_weights="balanced")
    source = DataSource(pictures_dir=squares_dir)
    data = training_data(recipe, source)
    assert data.class_weights is not None
    assert data.class_weights[1] == 0
    assert data.class_weights[2] > data.class_weights[0] > 0
    assert all(1 not in masks for _, masks in (*data.batches, *data.validation))
    assert all(1 not in mask for _, mask in load_masked_validation(recipe, source))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"ignore_index": 3}, "There is no class 3 to ignore, the data has 3 classes"),
        ({"class_weights": (1.0, 2.0)}, "The recipe has 2 class weights, the data has 3 classes"),
    ],
)
def test_choices_that_do_not_fit_the_classes_are_refused(
    changes: dict[str, object], complaint: str, squares_dir: Path, tmp_path: Path
) -> None:
    run = small_run(tmp_path / "x", squares_dir)
    with pytest.raises(BadData, match=complaint):
        train(replace(run, recipe=replace(run.recipe, **changes)))  # type: ignore[arg-type]
    assert not run.path.exists()


def test_two_classes_of_which_one_is_ignored_are_refused(tmp_path: Path) -> None:
    folder = put_shapes(tmp_path / "squares")
    for file in (folder / "masks").iterdir():
        with Image.open(file) as mask:
            Image.fromarray((np.asarray(mask) > 0).astype(np.uint8)).save(file)
    (folder / "classes.txt").write_text("background\nsquare")
    run = small_run(tmp_path / "x", folder)
    assert isinstance(run.recipe, SegmentationRecipe)
    with pytest.raises(BadData, match="Without class 0 one of two is left"):
        train(replace(run, recipe=replace(run.recipe, ignore_index=0)))


def test_a_last_batch_of_one_picture_is_left_out(tmp_path: Path, squares_dir: Path) -> None:
    # 16 pictures learn, in batches of 15; the lowest maps have one position, of which nothing can be normalised.
    run = small_run(tmp_path / "x", squares_dir)
    recipe = replace(run.recipe, window_px=16, options={"widths": [4, 4, 4, 4]}, batch_size=15, epochs=1)  # type: ignore[call-arg]
    train(replace(run, recipe=recipe))
    assert run.checkpoint.is_file()
    assert read_curve(run.path).steps == (1,)


def test_weights_have_the_strides_of_new_ones(finished: RunFolder, tmp_path: Path) -> None:
    # Odd ones, left by channels_last in axes of length 1, lead torch's exporter astray.
    weights = torch.load(finished.checkpoint, weights_only=True)
    assert all(value.stride() == torch.empty(value.shape).stride() for value in weights.values())
    odd = tmp_path / "odd" / "checkpoint.pt"
    odd.parent.mkdir()
    channels_last = torch.channels_last
    torch.save({k: v.to(memory_format=channels_last) if v.ndim == 4 else v for k, v in weights.items()}, odd)
    shutil.copy(finished.checkpoint_facts, odd.parent)
    arguments = ["publish", "unet_xception", "--weights", str(odd), "--name", "brought"]
    assert main([*arguments, "--repository", str(tmp_path / "repository")]) == 0
    assert (tmp_path / "repository" / "brought" / "1" / "model.onnx").is_file()


def new_training(path: Path, weights: Path, data: Path) -> RunFolder:
    command = f"train unet_xception --data {data} --weights {weights} --epochs 1 --precision fp32"
    return new_run(build_parser(STAGES).parse_args(command.split()), path)


def test_from_weights_all_but_the_scores_is_taken_over(finished: RunFolder, tmp_path: Path, squares_dir: Path) -> None:
    file = tmp_path / "moved" / "checkpoint.pt"
    file.parent.mkdir()
    for path in (finished.checkpoint, finished.checkpoint_facts):
        shutil.copy(path, file.parent)
    run = new_training(tmp_path / "x", file, squares_dir)
    assert (run.recipe.options, run.recipe.input_px) == ({"widths": [8, 16]}, (160, 160))
    assert run.recipe.pixel_mean == finished.recipe.pixel_mean
    # So slow that nothing moves.
    still = replace(run, recipe=replace(run.recipe, learning_rate=1e-12, ema_decay=0.0))
    train(still)
    before, after = torch.load(file, weights_only=True), torch.load(still.checkpoint, weights_only=True)
    for name in ("entry.1.weight", "down.0.shortcut.weight", "up.1.residual.1.weight"):
        torch.testing.assert_close(after[name], before[name])
    assert not torch.allclose(after["score.weight"], before["score.weight"])


def test_a_training_that_was_begun_needs_its_weights_no_more_and_takes_no_others(
    finished: RunFolder, tmp_path: Path, squares_dir: Path
) -> None:
    file = tmp_path / "weights.pth"
    shutil.copy(finished.checkpoint, file)
    begun = new_training(tmp_path / "begun", file, squares_dir)
    begun.path.mkdir()
    begun.note(training_images=14, processes=1)
    begun.last.touch()
    state = torch.load(file, weights_only=True)
    torch.save({**state, "score.bias": state["score.bias"] + 1}, file)
    with pytest.raises(RunMismatch, match="holds a training by another recipe"):
        new_training(begun.path, file, squares_dir).check_owner()
    begun.last.unlink()
    with pytest.raises(BadWeights, match="has changed since this training was begun"):
        train(begun)
    begun.last.touch()
    file.unlink()
    again = new_training(begun.path, file, squares_dir)
    assert again.recipe == begun.recipe
    again.check_owner()
