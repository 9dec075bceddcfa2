"""What the command line of a training turns into."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from export.__main__ import STAGES
from export.command_line import build_parser
from export.errors import UsageError
from export.recipes import RECIPES
from export.recipes.recipe import SegmentationRecipe
from export.run_folder import RunFolder
from export.training_options import new_run
from models import build_model


def run_of(command: str) -> RunFolder:
    return new_run(build_parser(STAGES).parse_args(command.split()), Path("runs/x"))


def test_an_option_of_the_network_joins_those_of_the_recipe() -> None:
    run = run_of("train xception --option residual=false --option width=0.25 --option intermediate_activation=elu")
    assert run.recipe.options == {
        "stem": "small",
        "residual": False,
        "width": 0.25,
        "intermediate_activation": "elu",
    }


def test_an_option_that_the_network_does_not_have_is_refused() -> None:
    with pytest.raises(UsageError, match="resnet20 has no option residual; it has none"):
        run_of("train resnet20 --option residual=false")


@pytest.mark.parametrize("key", ["num_classes", "in_channels"])
def test_what_the_data_say_is_no_option(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run_of(f"train xception --option {key}=3")
    assert f"{key} is no option: the data or the weights say it" in capsys.readouterr().err


def test_an_option_without_a_value_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run_of("train xception --option residual")
    assert "'residual' is not KEY=VALUE" in capsys.readouterr().err


def test_own_pictures_come_at_the_size_asked_for(tmp_path: Path) -> None:
    assert run_of(f"train vgg16_bn --data {tmp_path}").recipe.input_px == (224, 224)
    assert run_of(f"train vgg16_bn --data {tmp_path} --size 64").recipe.input_px == (64, 64)


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("train resnet18 --size 64", "--size goes with --data"),
        ("train lenet5 --data {} --size 64", "lenet5 takes pictures of 32 pixels only"),
        ("train resnet18 --data {} --size 0", "edge"),
        ("train resnet18 --data {} --size 100000", "edge"),
        ("train vgg16_bn --data {} --size 16", "vgg16_bn cannot take pictures of 16x16 pixels"),
        ("train resnet18 --epochs 0", "epochs must be at least 1"),
        ("train unet --size 64", "--size goes with --data"),
        ("train unet --data {} --size 8", "edge"),
        ("train unet --ignore-index 256", "ignore_index must be in"),
        ("train unet --dice-weight 0 --cross-entropy-weight 0", "one of the losses needs a weight"),
        ("train unet --class-weights 0,0", "one of the class_weights must be positive"),
        ("train unet --option stem=small", "unet has no option stem"),
        ("train resnet18 --ignore-index 0", "--ignore-index is for segmenters, and resnet18 is a classifier."),
        ("train lenet5 --class-weights even", "--class-weights is for segmenters, and lenet5 is a classifier."),
        ("run lenet5 --dice-weight 1", "--dice-weight is for segmenters"),
        ("train lenet5 --data {} --cross-entropy-weight 1", "--cross-entropy-weight is for segmenters"),
    ],
)
def test_what_does_not_fit_together_is_refused(command: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=complaint):
        run_of(command.format(tmp_path))


def test_losses_of_a_segmenter_can_be_chosen() -> None:
    recipe = run_of("train unet").recipe
    assert isinstance(recipe, SegmentationRecipe)
    assert (recipe.ignore_index, recipe.class_weights) == (255, "even")
    chosen = run_of("train unet --ignore-index 0 --class-weights 0,1,2.5 --dice-weight 1 --cross-entropy-weight 0.5")
    assert chosen.recipe == replace(
        recipe, ignore_index=0, class_weights=(0.0, 1.0, 2.5), dice_weight=1.0, cross_entropy_weight=0.5
    )
    balanced = run_of("run unet --class-weights balanced").recipe
    assert balanced == replace(recipe, class_weights="balanced")


@pytest.mark.parametrize("text", ["some", "1;2", "", "1,,2", "1,nan", "inf"])
def test_what_are_no_class_weights_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser(STAGES).parse_args(["train", "unet", "--class-weights", text])
    assert "is neither even nor balanced nor numbers with commas between them" in capsys.readouterr().err


def test_an_fcn_is_built_as_the_classifier_that_it_starts_from(tmp_path: Path) -> None:
    file = tmp_path / "vgg.pth"
    torch.save(build_model("vgg16_bn", num_classes=10, in_channels=1, stem="small").state_dict(), file)
    scenes = run_of(f"train fcn8s --weights {file}")
    assert scenes.weights == file
    assert scenes.recipe == replace(RECIPES["fcn8s"], initial_weights=scenes.recipe.initial_weights)
    own = run_of(f"train fcn8s --weights {file} --data {tmp_path} --size 96").recipe
    assert (own.options, own.preprocessing.colour, own.input_px) == (RECIPES["fcn8s"].options, "gray", (96, 96))
    assert own.pixel_mean == RECIPES["vgg16_bn"].pixel_mean


def test_the_well_known_weights_are_those_of_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "weights" / "known.pth"
    file.parent.mkdir()
    torch.save(build_model("resnet18", num_classes=10, in_channels=3).state_dict(), file)
    asked: list[tuple[str, Path]] = []

    def known(model: str, data_dir: Path) -> Path:
        asked.append((model, data_dir))
        return file

    monkeypatch.setattr("export.public_weights.default_file.default_file", known)
    run = run_of(f"train resnet18 --data {tmp_path} --weights default --data-dir {tmp_path}")
    assert asked == [("resnet18", tmp_path)]
    assert run.weights == file
    assert run.recipe.initial_weights != ""


def test_weights_are_not_thrown_away_by_force(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    torch.save(build_model("resnet20", num_classes=10, in_channels=1).state_dict(), folder / "checkpoint.pt")
    options = build_parser(STAGES).parse_args(
        ["train", "resnet20", "--weights", str(folder / "checkpoint.pt"), "--force"]
    )
    with pytest.raises(UsageError, match=r"--force would throw .* away"):
        new_run(options, folder)


def test_size_and_options_count_beside_weights(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save(build_model("xception", num_classes=10, in_channels=3, width=0.125, residual=False).state_dict(), file)
    command = (
        f"train xception --data {tmp_path} --weights {file} --option width=0.125 --option residual=false --size 96"
    )
    recipe = run_of(command).recipe
    assert recipe.input_px == (96, 96)
    assert recipe.options == {"width": 0.125, "residual": False}


def test_weights_stand_in_the_run_and_the_frozen_epochs_fit_into_short_trainings(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save(build_model("resnet20", num_classes=10, in_channels=1).state_dict(), file)
    run = run_of(f"train resnet20 --dataset mnist --weights {file}")
    assert run.weights == file
    assert run.recipe.dataset == "mnist"
    assert run.recipe.frozen_epochs == 2
    assert run_of(f"train resnet20 --weights {file} --epochs 1").recipe.frozen_epochs == 0
