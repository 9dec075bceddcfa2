"""Recipes adapted to photographs, to options, and to weights to start from."""

from dataclasses import replace

import pytest
import torch

from export.public_weights.inputs import GOOGLENET, IMAGENET, Input
from export.recipes import CLASSIFIERS, Recipe
from export.recipes.adaptation import adapted
from export.recipes.start import Start
from models import MODELS, build_model

RESNET = CLASSIFIERS["resnet18"]
PUBLIC = Start(sha256="ab", options={}, in_channels=3, input=IMAGENET)


def takes_its_input(recipe: Recipe) -> bool:
    channels = recipe.preprocessing.channels
    with torch.device("meta"):
        network = build_model(recipe.model, num_classes=3, in_channels=channels, **recipe.options).eval()
        return bool(network(torch.zeros(1, channels, *recipe.input_px)).shape == (1, 3))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_network_takes_own_pictures_at_the_size_of_its_paper(name: str) -> None:
    recipe, facts = adapted(CLASSIFIERS[name], own_pictures="pets"), MODELS[name]
    assert recipe.dataset == "pets"
    assert recipe.minimum_accuracy == 0
    assert recipe.preprocessing.polarity is None
    assert recipe.input_px == facts.input_px
    assert recipe.preprocessing.channels == facts.in_channels
    assert takes_its_input(recipe)


def test_large_pictures_take_the_paper_s_stem_and_small_batches_with_a_rate_to_match() -> None:
    large = adapted(RESNET, own_pictures="pets", edge_px=160)
    assert large.options == {}
    assert (large.input_px, large.preprocessing.shortest_edge) == ((160, 160), 183)
    assert large.learning_rate / large.batch_size == RESNET.learning_rate / RESNET.batch_size
    assert large.augmentation.crop_padding_px == 20
    small = adapted(RESNET, own_pictures="pets", edge_px=64)
    assert small.options == {"stem": "small"}
    assert small.preprocessing.shortest_edge == 64
    assert small.batch_size == RESNET.batch_size


@pytest.mark.parametrize("edge_px", [0, 7, 1025])
def test_an_edge_out_of_range_is_refused(edge_px: int) -> None:
    with pytest.raises(ValueError, match="must be from 8 to 1024 pixels"):
        adapted(RESNET, own_pictures="pets", edge_px=edge_px)


def test_a_digit_network_takes_no_other_size() -> None:
    with pytest.raises(ValueError, match="lenet5 takes pictures of 32 pixels only"):
        adapted(CLASSIFIERS["lenet5"], own_pictures="pets", edge_px=64)
    assert adapted(CLASSIFIERS["lenet5"], own_pictures="pets").input_px == (32, 32)


def test_options_alone_change_nothing_else() -> None:
    xception = CLASSIFIERS["xception"]
    assert adapted(xception, options={"width": 0.5}) == replace(xception, options={"stem": "small", "width": 0.5})


def test_from_weights_the_trunk_is_frozen_first_and_all_moves_slowly() -> None:
    recipe = adapted(RESNET, own_pictures="pets", start=PUBLIC)
    assert (recipe.options, recipe.input_px) == ({}, (224, 224))
    assert (recipe.preprocessing, recipe.pixel_mean) == (IMAGENET.preprocessing, IMAGENET.pixel_mean)
    assert 0 < recipe.frozen_epochs < recipe.epochs
    assert recipe.learning_rate == pytest.approx(RESNET.learning_rate / 4 / 10)
    assert (
        recipe.fingerprint() != adapted(RESNET, own_pictures="pets", start=replace(PUBLIC, sha256="cd")).fingerprint()
    )


def test_a_size_counts_beside_weights_and_their_pixel_values_stay() -> None:
    recipe = adapted(RESNET, own_pictures="pets", edge_px=160, start=replace(PUBLIC, input=GOOGLENET))
    assert recipe.input_px == (160, 160)
    assert recipe.pixel_mean == (0.5, 0.5, 0.5)
    assert recipe.augmentation.crop_padding_px == 20
    assert recipe.batch_size == 32
    small = adapted(RESNET, own_pictures="pets", edge_px=32, start=PUBLIC)
    assert (small.input_px, small.options, small.batch_size) == ((32, 32), {}, RESNET.batch_size)


def test_gray_weights_make_own_pictures_gray() -> None:
    gray = Start(sha256="ab", options={"stem": "small"}, in_channels=1, input=_input_of(RESNET))
    recipe = adapted(RESNET, own_pictures="pets", start=gray)
    assert recipe.preprocessing == RESNET.preprocessing.model_copy(update={"polarity": None})
    assert (recipe.batch_size, recipe.augmentation) == (RESNET.batch_size, RESNET.augmentation)
    assert takes_its_input(recipe)
    larger = adapted(RESNET, own_pictures="pets", start=gray, edge_px=48)
    assert (larger.input_px, larger.preprocessing.colour, larger.pixel_mean) == ((48, 48), "gray", RESNET.pixel_mean)


def test_weights_with_the_small_stem_and_no_known_input_take_small_pictures() -> None:
    unknown = Start(sha256="ab", options={"stem": "small"}, in_channels=3, input=None)
    recipe = adapted(RESNET, own_pictures="pets", start=unknown)
    assert (recipe.input_px, recipe.preprocessing.colour, recipe.pixel_mean) == ((32, 32), "rgb", IMAGENET.pixel_mean)


def test_a_public_dataset_keeps_its_polarity_for_gray_weights_only() -> None:
    gray = Start(sha256="ab", options={"stem": "small"}, in_channels=1, input=_input_of(RESNET))
    assert adapted(RESNET, start=gray).preprocessing == RESNET.preprocessing
    assert adapted(RESNET, start=PUBLIC).preprocessing == IMAGENET.preprocessing


def test_weights_for_other_channels_than_pictures_have_are_refused() -> None:
    with pytest.raises(ValueError, match="for pictures of 4 channels"):
        adapted(RESNET, own_pictures="pets", start=replace(PUBLIC, in_channels=4))


def _input_of(recipe: Recipe) -> Input:
    return Input(preprocessing=recipe.preprocessing, pixel_mean=recipe.pixel_mean, pixel_std=recipe.pixel_std)
