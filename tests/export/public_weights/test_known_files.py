"""How pictures are prepared for a file: by its bytes, by its network, by the recipe, or as somebody says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from export.errors import BadWeights
from export.public_weights.fitting import Form
from export.public_weights.inputs import GOOGLENET, GRAY, IMAGENET, IMAGENET_232, XCEPTION, Input, read_input
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


@pytest.mark.parametrize("model", ["lenet5", "mnist_cnn", "resnet18", "densenet_bc_100_12"])
def test_small_networks_are_fed_as_their_recipe_does(model: str) -> None:
    recipe = RECIPES[model]
    found = input_of(model, form(in_channels=1, **recipe.options), SOME_SHA256)
    assert found is not None
    assert (found.preprocessing, found.pixel_mean) == (recipe.preprocessing, recipe.pixel_mean)


def test_what_is_not_known_is_not_guessed() -> None:
    assert input_of("resnet20", form(in_channels=3), SOME_SHA256) is None
    assert input_of("resnet18", form(in_channels=3, stem="small"), SOME_SHA256) is None


CIFAR: dict[str, Any] = {
    "preprocessing": {"height": 32, "width": 32, "resize": "stretch", "colour": "rgb"},
    "pixel_mean": [0.49, 0.48, 0.45],
    "pixel_std": [0.2, 0.2, 0.2],
}


def test_an_input_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "input.json").write_text(json.dumps(CIFAR))
    assert read_input(tmp_path / "input.json") == Input.model_validate(CIFAR)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("32 pixels", "Invalid JSON"),
        (json.dumps({**CIFAR, "pixel_mean": [0.5]}), "pixel_mean and pixel_std need 3 values each"),
        (json.dumps({**CIFAR, "pixel_std": [0.2, 0.0, 0.2]}), "pixel_std must be positive"),
        (
            json.dumps({name: value for name, value in CIFAR.items() if name != "pixel_std"}),
            "pixel_std: Field required",
        ),
        (
            json.dumps({**CIFAR, "preprocessing": {**CIFAR["preprocessing"], "resize": "zoom"}}),
            "preprocessing.resize: ",
        ),
        (
            json.dumps({**CIFAR, "preprocessing": {**CIFAR["preprocessing"], "resize": "none", "height": None}}),
            "preprocessing must fix the size of the input",
        ),
    ],
)
def test_a_file_that_describes_no_input_gets_a_sentence(tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "input.json").write_text(content)
    with pytest.raises(BadWeights, match=re.escape(complaint)) as caught:
        read_input(tmp_path / "input.json")
    assert "\n" not in str(caught.value)
