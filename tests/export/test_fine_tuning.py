"""Training from weights: what they decide of the recipe, what is loaded, and what learns when."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from export.__main__ import STAGES
from export.classification.learner import ClassifierLearner
from export.command_line import build_parser
from export.data.dataset import DataSource
from export.errors import BadWeights
from export.fine_tuning import load_trunk, start_from
from export.recipes import CLASSIFIERS
from export.recipes.adaptation import adapted
from export.recipes.recipe import ClassificationRecipe, Recipe
from export.run_folder import RunFolder, open_run
from export.train import train
from export.training_options import new_run
from models import build_model
from models.classifier import Classifier
from tests.export.conftest import RunMaker


def network(name: str, *, classes: int, channels: int = 1, **options: object) -> Classifier:
    built = build_model(name, num_classes=classes, in_channels=channels, **options)
    assert isinstance(built, Classifier)
    return built


@pytest.fixture(scope="module")
def gray_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a resnet20 for ten classes of gray pictures."""
    file = tmp_path_factory.mktemp("weights") / "gray.pth"
    torch.manual_seed(3)
    torch.save(network("resnet20", classes=10).state_dict(), file)
    return file


def from_weights(recipe: ClassificationRecipe, file: Path, **choices: Any) -> ClassificationRecipe:
    """The recipe for going on from the file."""
    return adapted(recipe, start=start_from(recipe.model, file, {}), **choices)


def test_a_run_s_own_weights_keep_form_and_input_of_the_run(make_run: RunMaker) -> None:
    run = make_run("mnist_cnn")
    values = {**json.loads(run.checkpoint_facts.read_text())}
    values["recipe"]["pixel_mean"] = [0.25]
    run.checkpoint_facts.write_text(json.dumps(values))
    start = start_from("mnist_cnn", run.checkpoint, {})
    assert start.input is not None
    assert start.input.pixel_mean == (0.25,)
    assert start_from("mnist_cnn", run.checkpoint.rename(run.path / "moved.pt"), {}).input != start.input


def test_an_option_that_shapes_do_not_tell_is_named(tmp_path: Path) -> None:
    file = tmp_path / "plain.pth"
    torch.save(network("xception", classes=3, width=0.125, residual=False).state_dict(), file)
    start = start_from("xception", file, {"width": 0.125, "residual": False, "stem": "small"})
    assert start.options == {"width": 0.125, "residual": False, "stem": "small"}
    with pytest.raises(BadWeights, match="does not fit xception"):
        start_from("xception", file, {})


def test_all_but_the_head_is_loaded(gray_file: Path) -> None:
    recipe = from_weights(CLASSIFIERS["resnet20"].on_other_data("mnist", keeps_polarity=True), gray_file)
    target = network("resnet20", classes=7)
    before = {name: value.clone() for name, value in target.state_dict().items()}
    load_trunk(target, recipe, gray_file)
    file = torch.load(gray_file, weights_only=True)
    for name, value in target.state_dict().items():
        assert torch.equal(value, before[name] if name.startswith("fc.") else file[name]), name


def test_auxiliary_heads_are_replaced_too(tmp_path: Path) -> None:
    file = tmp_path / "googlenet.pth"
    torch.save(network("googlenet", classes=11, channels=3).state_dict(), file)
    recipe = from_weights(CLASSIFIERS["googlenet"], file, own_pictures="pets")
    target = network("googlenet", classes=3, channels=3)
    load_trunk(target, recipe, file)
    assert torch.equal(target.state_dict()["aux1.conv.conv.weight"], torch.load(file)["aux1.conv.conv.weight"])
    assert target.state_dict()["aux1.fc2.weight"].shape == (3, 1024)


def test_another_file_than_the_one_that_training_began_with_is_refused(gray_file: Path, tmp_path: Path) -> None:
    recipe = from_weights(CLASSIFIERS["resnet20"], gray_file)
    other = tmp_path / "other.pth"
    torch.save(network("resnet20", classes=10).state_dict(), other)
    with pytest.raises(BadWeights, match="has changed since this training was begun"):
        load_trunk(network("resnet20", classes=10), recipe, other)


def test_the_head_alone_learns_first_and_then_everything(gray_file: Path, tmp_path: Path, pictures_dir: Path) -> None:
    recipe = CLASSIFIERS["resnet20"].on_other_data("shapes", keeps_polarity=True)
    recipe = replace(from_weights(recipe, gray_file), epochs=1, frozen_epochs=1, warmup_epochs=0, precision="fp32")
    file = torch.load(gray_file, weights_only=True)
    frozen = trained(replace(recipe, ema_decay=0), gray_file, tmp_path / "frozen", pictures_dir)
    assert all(torch.equal(frozen[name], value) for name, value in file.items() if not name.startswith("fc."))
    free = trained(replace(recipe, ema_decay=0, frozen_epochs=0), gray_file, tmp_path / "free", pictures_dir)
    assert all(not torch.equal(free[name], file[name]) for name in ("conv1.weight", "bn1.running_mean"))


def trained(recipe: Recipe, weights: Path, path: Path, pictures_dir: Path) -> dict[str, torch.Tensor]:
    run = RunFolder(path=path, recipe=recipe, source=DataSource(pictures_dir=pictures_dir), weights=weights)
    train(run)
    assert open_run(path, recipe.model, data_dir=None).weights == weights.resolve()
    state: dict[str, torch.Tensor] = torch.load(run.checkpoint, weights_only=True)
    return state


def test_a_training_that_was_begun_goes_on_without_its_weights(
    gray_file: Path, tmp_path: Path, pictures_dir: Path
) -> None:
    file = tmp_path / "moved-later.pth"
    shutil.copyfile(gray_file, file)
    command = ["train", "resnet20", "--data", str(pictures_dir), "--weights", str(file), "--epochs", "2"]
    options = build_parser(STAGES).parse_args(command)
    begun = new_run(options, tmp_path / "begun")
    begun.path.mkdir()
    begun.note(training_images=90, processes=1)
    file.unlink()
    with pytest.raises(FileNotFoundError):
        new_run(options, begun.path)
    begun.last.touch()
    assert new_run(options, begun.path).recipe == begun.recipe


def test_a_thaw_lets_all_parameters_learn_again() -> None:
    recipe = replace(CLASSIFIERS["googlenet"], initial_weights="ab", frozen_epochs=1, epochs=2)
    learner = ClassifierLearner(network("googlenet", classes=3, stem="small"), recipe, num_classes=3)
    learner.train()
    learner.set_frozen(True)
    learning = {name for name, parameter in learner.network.named_parameters() if parameter.requires_grad}
    assert learning == {f"{head}.{part}" for head in ("fc", "aux1.fc2", "aux2.fc2") for part in ("weight", "bias")}
    assert not learner.network.get_submodule("conv1.bn").training
    learner.set_frozen(False)
    assert all(parameter.requires_grad for parameter in learner.network.parameters())
    assert learner.network.get_submodule("conv1.bn").training


def test_auxiliary_heads_take_part_in_the_loss_with_their_weight() -> None:
    torch.manual_seed(2)
    recipe = replace(CLASSIFIERS["googlenet"], label_smoothing=0.0)
    learner = ClassifierLearner(network("googlenet", classes=3, stem="small"), recipe, num_classes=3).eval()
    learner.log = lambda *_, **__: None  # type: ignore[method-assign]  # there is no trainer to log to
    learner.augment = torch.nn.Identity()
    images = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (4, 1, 28, 28), dtype=np.uint8))
    targets = torch.tensor([0, 1, 2, 0])
    x = (images.float() / 255 - learner.mean) / learner.std
    main, *auxiliary = (learner.loss(logits, targets) for logits in learner.network.training_logits(x))
    assert len(auxiliary) == 2
    expected = main + 0.3 * sum(auxiliary)
    assert torch.allclose(learner.training_step((images, targets), 0), expected, rtol=1e-4)
