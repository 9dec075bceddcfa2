"""How pictures are prepared for a file: by its bytes, by its network, or by the recipe."""

import re
from typing import Any

import pytest

from export.public_weights.fitting import Form
from export.public_weights.inputs import FCN_RESNET50, GOOGLENET, GRAY, IMAGENET, IMAGENET_232, XCEPTION
from export.public_weights.known_files import DEFAULTS, input_of
from export.recipes import RECIPES
from models import MODELS

SOME_SHA256 = "f" * 64


def form(*, in_channels: int = 3, **options: Any) -> Form:
    return Form(options=options, num_classes=1000, in_channels=in_channels)


def test_every_public_file_is_of_a_network_and_carries_its_checksum() -> None:
    assert DEFAULTS.keys() <= MODELS.keys()
    for known in DEFAULTS.values():
        assert known.url.startswith("https://")
        assert re.fullmatch("[0-9a-f]{8,9}", known.sha256_start)
        assert known.name.endswith(f"-{known.sha256_start}.pth")
    assert DEFAULTS["xception"].sha256_start == "43020ad28"


def test_the_usual_input_is_the_middle_of_256_pixels() -> None:
    spec = IMAGENET.preprocessing
    assert (spec.height, spec.width, spec.resize, spec.shortest_edge) == (224, 224, "crop", 256)
    assert (spec.interpolation, spec.antialias, spec.colour) == ("bilinear", True, "rgb")
    for model in ("alexnet", "vgg19_bn", "resnet50", "densenet201", "vgg16_gap"):
        assert input_of(model, form(), SOME_SHA256) == IMAGENET


def test_the_second_weights_of_a_resnet_are_told_by_their_bytes() -> None:
    assert input_of("resnet50", form(), "11ad3fa6" + "0" * 56) == IMAGENET_232
    assert input_of("resnet50", form(), "0676ba61" + "0" * 56) == IMAGENET
    assert IMAGENET_232.preprocessing.shortest_edge == 232


@pytest.mark.parametrize("sha256", [SOME_SHA256, "1378be20" + "0" * 56])
def test_googlenet_has_means_of_a_half(sha256: str) -> None:
    assert input_of("googlenet", form(), sha256) == GOOGLENET
    # What torchvision does for it: ImageNet's normalisation, and then transform_input on top of it.
    for mean, std, ours_mean, ours_std in zip(
        IMAGENET.pixel_mean, IMAGENET.pixel_std, GOOGLENET.pixel_mean, GOOGLENET.pixel_std, strict=True
    ):
        for pixel in (0.0, 0.3, 1.0):
            theirs = (pixel - mean) / std * (std / 0.5) + (mean - 0.5) / 0.5
            assert (pixel - ours_mean) / ours_std == pytest.approx(theirs)


def test_xception_sees_299_of_333_pixels() -> None:
    found = input_of("xception", form(), SOME_SHA256)
    assert found == XCEPTION
    spec = XCEPTION.preprocessing
    assert (spec.height, spec.width, spec.shortest_edge, spec.interpolation) == (299, 299, 333, "bicubic")
    assert spec.shortest_edge == int(299 / 0.8975)
    assert XCEPTION.pixel_mean == XCEPTION.pixel_std == (0.5, 0.5, 0.5)


def test_gray_pictures_for_a_network_of_imagenets_size() -> None:
    assert input_of("resnet18", form(in_channels=1), SOME_SHA256) == GRAY
    assert GRAY.preprocessing.channels == 1


def test_fcn_resnet50_sees_a_shorter_edge_of_520_pixels() -> None:
    assert input_of("fcn_resnet50", form(), "1167a1af" + "0" * 56) == FCN_RESNET50
    assert input_of("fcn_resnet50", form(), SOME_SHA256) == FCN_RESNET50
    spec = FCN_RESNET50.preprocessing
    assert (spec.height, spec.width, spec.resize) == (None, None, "shortest")
    assert (spec.shortest_edge, spec.longest_edge, spec.interpolation, spec.antialias) == (520, 1040, "bilinear", True)
    assert (FCN_RESNET50.pixel_mean, FCN_RESNET50.pixel_std) == (IMAGENET.pixel_mean, IMAGENET.pixel_std)


@pytest.mark.parametrize("model", ["lenet5", "mnist_cnn", "resnet18", "densenet_bc_100_12", "unet", "fcn_resnet50"])
def test_small_networks_are_fed_as_their_recipe_does(model: str) -> None:
    recipe = RECIPES[model]
    found = input_of(model, form(in_channels=1, **recipe.options), SOME_SHA256)
    assert found is not None
    assert (found.preprocessing, found.pixel_mean) == (recipe.preprocessing, recipe.pixel_mean)


def test_what_is_not_known_is_not_guessed() -> None:
    assert input_of("resnet20", form(in_channels=3), SOME_SHA256) is None
    assert input_of("resnet18", form(in_channels=3, stem="small"), SOME_SHA256) is None
    assert input_of("fcn8s", form(in_channels=3), SOME_SHA256) is None
    assert input_of("unet", form(in_channels=1, width=8), SOME_SHA256) is None
