"""Segmenters' recipes adapted to photographs, to options, and to weights to start from."""

from dataclasses import replace

import pytest

from export.public_weights.inputs import FCN_RESNET50, IMAGENET, Input, of_any_size
from export.recipes import SEGMENTERS
from export.recipes.mask_adaptation import adapted_masks
from export.recipes.start import Start
from models import build_model
from service.inference.segmenter import PIXELS_AT_MOST

UNET, FCN = SEGMENTERS["unet_xception"], SEGMENTERS["fcn8s"]
CLASSIFIER = Start(sha256="ab", options={"normalised": True}, in_channels=3, input=IMAGENET)
GRAY_INPUT = Input(preprocessing=of_any_size(96, 384, "gray"), pixel_mean=(0.3,), pixel_std=(0.2,))
GRAY = Start(sha256="ab", options={}, in_channels=1, input=GRAY_INPUT)


@pytest.mark.parametrize("name", SEGMENTERS)
def test_every_segmenter_takes_own_pictures_in_colour(name: str) -> None:
    recipe = adapted_masks(SEGMENTERS[name], own_pictures="pets")
    assert (recipe.dataset, recipe.minimum_mean_iou, recipe.window_px) == ("pets", 0, 160)
    assert recipe.preprocessing == of_any_size(160, 640)
    assert (recipe.pixel_mean, recipe.pixel_std) == (IMAGENET.pixel_mean, IMAGENET.pixel_std)
    assert (recipe.batch_size, recipe.learning_rate) == (16, SEGMENTERS[name].learning_rate)
    assert "stem" not in recipe.options
    build_model(name, num_classes=3, in_channels=3, **recipe.options)


def test_an_fcn_has_the_small_stem_on_small_pictures_or_where_it_is_asked_for() -> None:
    assert adapted_masks(FCN, own_pictures="pets").options == {"normalised": True, "head_width": 512}
    assert adapted_masks(FCN, own_pictures="pets", edge_px=64).options == FCN.options
    asked = adapted_masks(FCN, own_pictures="pets", options={"stem": "small", "head_width": 4096})
    assert asked.options == {"stem": "small", "normalised": True, "head_width": 4096}


@pytest.mark.parametrize(
    ("edge_px", "batch_size"), [(16, 16), (96, 16), (160, 16), (224, 8), (320, 4), (512, 2), (1024, 2)]
)
def test_large_pictures_come_in_smaller_batches_with_a_rate_to_match(edge_px: int, batch_size: int) -> None:
    recipe = adapted_masks(UNET, own_pictures="pets", edge_px=edge_px)
    assert (recipe.window_px, recipe.batch_size) == (edge_px, batch_size)
    assert recipe.learning_rate == pytest.approx(UNET.learning_rate * (batch_size / 16) ** 0.5)
    spec = recipe.preprocessing
    assert spec.shortest_edge == edge_px
    assert spec.longest_edge is not None
    assert edge_px <= spec.longest_edge <= 4 * edge_px
    assert edge_px * spec.longest_edge <= PIXELS_AT_MOST
    # What a run writes down can be read as the input of its weights.
    Input(preprocessing=spec, pixel_mean=recipe.pixel_mean, pixel_std=recipe.pixel_std)


@pytest.mark.parametrize("edge_px", [0, 15, 1025])
def test_an_edge_out_of_range_is_refused(edge_px: int) -> None:
    with pytest.raises(ValueError, match="must be from 16 to 1024 pixels"):
        adapted_masks(UNET, own_pictures="pets", edge_px=edge_px)


def test_options_alone_change_nothing_else() -> None:
    assert adapted_masks(UNET, options={"widths": [8]}) == replace(UNET, options={"widths": [8]})


def test_weights_change_nothing_but_options_on_the_recipe_s_own_data() -> None:
    gray = replace(CLASSIFIER, in_channels=1)
    expected = replace(FCN, options={"normalised": True, "head_width": 8}, initial_weights="ab")
    assert adapted_masks(FCN, start=gray, options={"head_width": 8}) == expected
    with pytest.raises(ValueError, match="the weights are for pictures of 3 channels, the data has 1"):
        adapted_masks(FCN, start=CLASSIFIER)


def test_from_weights_everything_learns_slowly_from_the_start_on() -> None:
    recipe = adapted_masks(FCN, own_pictures="pets", start=CLASSIFIER, edge_px=160)
    assert (recipe.options, recipe.initial_weights, recipe.frozen_epochs) == ({"normalised": True}, "ab", 0)
    assert recipe.learning_rate == pytest.approx(FCN.learning_rate / 5)


def test_pictures_have_the_size_that_the_weights_saw() -> None:
    assert adapted_masks(FCN, own_pictures="pets", start=CLASSIFIER).window_px == 256
    public = replace(CLASSIFIER, options={}, input=FCN_RESNET50)
    assert adapted_masks(SEGMENTERS["fcn_resnet50"], own_pictures="pets", start=public).window_px == 520
    # A classifier of clothes has seen nothing but clothes, each of 28 pixels.
    small = GRAY_INPUT.model_copy(update={"preprocessing": of_any_size(28, 28, "gray")})
    assert adapted_masks(FCN, own_pictures="pets", start=replace(GRAY, input=small)).window_px == 160


def test_gray_weights_make_own_pictures_gray() -> None:
    recipe = adapted_masks(UNET, own_pictures="pets", start=GRAY)
    assert recipe.preprocessing == GRAY_INPUT.preprocessing
    assert (recipe.pixel_mean, recipe.pixel_std) == (GRAY_INPUT.pixel_mean, GRAY_INPUT.pixel_std)
    unknown = adapted_masks(UNET, own_pictures="pets", start=replace(GRAY, input=None))
    assert (unknown.preprocessing.colour, unknown.window_px, len(unknown.pixel_mean)) == ("gray", 160, 1)


def test_weights_for_other_channels_than_pictures_have_are_refused() -> None:
    with pytest.raises(ValueError, match="for pictures of 4 channels, not of 1 or 3"):
        adapted_masks(UNET, own_pictures="pets", start=replace(GRAY, in_channels=4))
