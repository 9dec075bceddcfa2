"""Recipes refuse what cannot be trained, survive JSON, and differ where their results would."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from export.data.scenes import SceneRules
from export.recipes import CLASSIFIERS, RECIPES, SEGMENTERS, Augmentation
from export.recipes.recipe import recipe_from_dict
from models import MODELS, build_model
from service.repository.artifact import Preprocessing

RECIPE = CLASSIFIERS["lenet5"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"model": ""}, "model must not be empty"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive"),
        ({"warmup_epochs": 1000.0}, "warmup_epochs must be in"),
        ({"weight_decay": -0.1}, "weight_decay must not be negative"),
        ({"label_smoothing": 1.0}, "label_smoothing must be in"),
        ({"label_smoothing": 0.1, "rubbish_logit": -1.0}, "a share"),
        ({"ema_decay": 1.0}, "ema_decay must be in"),
        ({"patience_epochs": 0}, "patience_epochs must be at least 1"),
        ({"seed": -1}, "seed must be in"),
        ({"validation_share": 0.0}, "validation_share must be in"),
        ({"minimum_accuracy": 1.01}, "minimum_accuracy must be in"),
        ({"frozen_epochs": 1}, "would keep random weights"),
        ({"frozen_epochs": 33, "initial_weights": "ab"}, "frozen_epochs must be in"),
        ({"pixel_mean": (0.1, 0.2)}, "pixel_mean needs 1 values"),
        ({"pixel_std": (0.0,)}, "pixel_std must be positive"),
        (
            {"preprocessing": Preprocessing(height=None, width=None, resize="none", colour="gray")},
            "must fix the size",
        ),
    ],
)
def test_a_value_out_of_range_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        replace(RECIPE, **change)


@pytest.mark.parametrize(
    "change", [{"degrees": -1.0}, {"translate": 1.0}, {"scale": 1.0}, {"shear_degrees": 90.0}, {"erasing_share": 1.5}]
)
def test_an_augmentation_out_of_range_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(change))} must be in"):
        Augmentation(**change)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_json(name: str) -> None:
    recipe = RECIPES[name]
    again = recipe_from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert again == recipe
    assert again.fingerprint() == recipe.fingerprint()


@pytest.mark.parametrize("damage", [{"model": None}, {"surprise": 1}, {"augmentation": {"blur": 3}}])
def test_what_is_no_recipe_is_refused(damage: dict[str, Any]) -> None:
    values = {**RECIPE.to_dict(), **damage}
    if damage.get("model", "") is None:
        del values["model"]
    with pytest.raises(ValueError, match="not a recipe of this version"):
        recipe_from_dict(values)


def test_the_fingerprint_changes_with_what_decides_the_weights_only() -> None:
    assert replace(RECIPE, seed=RECIPE.seed + 1).fingerprint() != RECIPE.fingerprint()
    assert replace(RECIPE, augmentation=Augmentation(degrees=1)).fingerprint() != RECIPE.fingerprint()
    assert replace(RECIPE, minimum_accuracy=0.5).fingerprint() == RECIPE.fingerprint()


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_fits_its_network(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.model == name
    channels = recipe.preprocessing.channels
    with torch.device("meta"):
        network = build_model(name, num_classes=10, in_channels=channels, **recipe.options)
        answer = network.eval()(torch.zeros(2, channels, *recipe.input_px))
    by_pixel = recipe.input_px if recipe.task == "image-segmentation" else ()
    assert answer.shape == (2, 10, *by_pixel)


def test_there_is_a_recipe_for_every_network_of_its_task() -> None:
    for task, recipes in (("image-classification", CLASSIFIERS), ("image-segmentation", SEGMENTERS)):
        assert set(recipes) == {name for name, facts in MODELS.items() if facts.task == task}


def test_the_recipes_on_scenes_name_the_rules_of_today() -> None:
    rules = {recipe.scene_rules for recipe in SEGMENTERS.values() if recipe.dataset == "fashion-scenes"}
    assert rules == {SceneRules().fingerprint()}


def test_class_weights_survive_json_as_words_and_as_numbers() -> None:
    for weights in ("balanced", (0.5, 2.0)):
        recipe = replace(SEGMENTERS["unet"], class_weights=weights)
        assert recipe_from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"window_px": 7}, "window_px must be at least 8"),
        ({"dice_weight": -0.1}, "weights of losses must not be negative"),
        ({"dice_weight": float("inf")}, "weights of losses must be finite"),
        ({"cross_entropy_weight": float("nan")}, "weights of losses must be finite"),
        ({"class_weights": (1.0, float("inf"))}, "class_weights must be finite"),
        ({"dice_weight": 0.0, "cross_entropy_weight": 0.0}, "one of the losses needs a weight"),
        ({"ignore_index": 256}, "ignore_index must be in"),
        ({"class_weights": (1.0, -1.0)}, "class_weights must not be negative"),
        ({"class_weights": (0.0, 0.0)}, "one of the class_weights must be positive"),
        ({"minimum_mean_iou": 1.5}, "minimum_mean_iou must be in"),
        ({"augmentation": Augmentation(erasing_share=0.5)}, "a mask would not know of it"),
        ({"augmentation": Augmentation(crop_padding_px=2)}, "windows move anyway"),
        ({"preprocessing": RECIPE.preprocessing}, "must leave the size of the input free"),
    ],
)
def test_a_segmenters_value_out_of_range_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        replace(SEGMENTERS["unet"], **change)


def test_lenet5_sees_the_pixel_values_of_its_paper() -> None:
    mean, std = RECIPE.pixel_mean[0], RECIPE.pixel_std[0]
    assert (0 - mean) / std == pytest.approx(-0.1)
    assert (1 - mean) / std == pytest.approx(1.175)


def test_other_data_has_no_accuracy_to_reach_and_perhaps_no_polarity() -> None:
    other = RECIPE.on_other_data("pets", keeps_polarity=False)
    assert other.dataset == "pets"
    assert other.minimum_accuracy == 0
    assert other.preprocessing.polarity is None
    assert RECIPE.on_other_data("fashion-mnist", keeps_polarity=True).preprocessing == RECIPE.preprocessing
