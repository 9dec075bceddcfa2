"""A run folder belongs to one training, and says which command makes what is missing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from export.data.dataset import DataSource
from export.errors import MissingStage, RunMismatch
from export.recipes import CLASSIFIERS
from export.recipes.recipe import recipe_from_dict
from export.run_folder import RunFolder, open_run

RunMaker = Callable[..., RunFolder]


def run_in(path: Path) -> RunFolder:
    return RunFolder(path=path, recipe=CLASSIFIERS["lenet5"], source=DataSource(pictures_dir=Path("/pets")))


def test_a_noted_run_is_opened_as_it_was(tmp_path: Path) -> None:
    run = run_in(tmp_path / "pets")
    run.note(training_images=3, processes=1)
    assert open_run(run.path, "lenet5", data_dir=None) == run


def test_the_data_folder_is_the_callers(tmp_path: Path) -> None:
    run_in(tmp_path).note(training_images=3, processes=1)
    assert open_run(tmp_path, "lenet5", data_dir=Path("/data")).source.data_dir == Path("/data")


def test_a_folder_without_training_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(MissingStage, match="run 'python -m export train lenet5 --name pets' first"):
        open_run(tmp_path / "pets", "lenet5", data_dir=None)


def test_a_training_of_another_network_is_refused(tmp_path: Path) -> None:
    run_in(tmp_path).note(training_images=3, processes=1)
    with pytest.raises(RunMismatch, match="holds a training of lenet5, not of mnist_cnn"):
        open_run(tmp_path, "mnist_cnn", data_dir=None)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"recipe": {}, "pictures_dir": null}'])
def test_damaged_notes_are_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(RunMismatch, match="--force trains anew"):
        open_run(tmp_path, "lenet5", data_dir=None)


def test_a_trained_folder_refuses_another_recipe_and_other_data(make_run: RunMaker) -> None:
    run = make_run("lenet5")
    run.check_owner()
    milder = recipe_from_dict({**run.recipe.to_dict(), "minimum_accuracy": 0.3})
    replace(run, recipe=milder).check_owner()
    with pytest.raises(RunMismatch, match="by another recipe"):
        replace(run, recipe=replace(run.recipe, epochs=3, warmup_epochs=0)).check_owner()
    with pytest.raises(RunMismatch, match=r"holds a training on .*shapes"):
        replace(run, source=DataSource()).check_owner()


def test_a_folder_in_which_nothing_was_trained_belongs_to_nobody(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    run.note(training_images=3, processes=1)
    replace(run, recipe=CLASSIFIERS["mnist_cnn"]).check_owner()


def test_discarding_leaves_what_is_not_the_stages_own(make_run: RunMaker) -> None:
    run = make_run("lenet5")
    mine = run.path / "thoughts.txt"
    mine.write_text("keep")
    run.discard()
    assert list(run.path.iterdir()) == [mine]


def test_what_is_missing_names_the_command_that_makes_it(make_run: RunMaker) -> None:
    run = make_run("lenet5", name="digits")
    assert run.need(run.checkpoint, "train") == run.checkpoint
    with pytest.raises(MissingStage, match=r"model.onnx is missing; run 'python -m export onnx lenet5 --name digits'"):
        run.need(run.graph, "onnx")
