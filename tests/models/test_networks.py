import inspect
from typing import Any

import pytest
import torch
from torch import nn

from models import MODELS, build_model

# One network per class of network, with options and pictures that keep it small.
SMALL: dict[str, tuple[dict[str, Any], int]] = {
    "lenet5": ({}, 32),
    "mnist_cnn": ({}, 28),
    "alexnet": ({"stem": "small"}, 28),
    "vgg16_bn": ({"stem": "small"}, 32),
    "alexnet_gap": ({"stem": "small"}, 28),
    "resnet18": ({"stem": "small"}, 16),
    "resnet20": ({}, 16),
    "densenet_bc_100_12": ({}, 16),
    "googlenet": ({"stem": "small"}, 16),
    "xception": ({"stem": "small", "width": 0.25}, 16),
}
HAS_SMALL_STEM = [
    name
    for name, facts in MODELS.items()
    if facts.task == "image-classification" and "stem" in inspect.signature(facts.builder).parameters
]


def on_meta(name: str, *, num_classes: int, in_channels: int, **options: Any) -> nn.Module:
    """A network without values: shapes and types are worked out as ever, and nothing is computed."""
    with torch.device("meta"):
        return build_model(name, num_classes=num_classes, in_channels=in_channels, **options)


@pytest.mark.parametrize("name", MODELS)
def test_every_network_takes_the_input_of_its_paper(name: str) -> None:
    facts = MODELS[name]
    model = on_meta(name, num_classes=facts.num_classes, in_channels=facts.in_channels)
    logits = model(torch.empty(2, facts.in_channels, *facts.input_px, device="meta"))
    assert logits.shape[:2] == (2, facts.num_classes)
    assert logits.dtype == torch.float32


@pytest.mark.parametrize("name", SMALL)
def test_every_network_takes_other_channels_and_classes(name: str) -> None:
    options, side_px = SMALL[name]
    model = on_meta(name, num_classes=7, in_channels=4, **options)
    assert model(torch.empty(3, 4, side_px, side_px, device="meta")).shape == (3, 7)


@pytest.mark.parametrize("name", HAS_SMALL_STEM)
def test_small_stems_take_small_pictures(name: str) -> None:
    model = on_meta(name, num_classes=10, in_channels=1, stem="small")
    assert model(torch.empty(2, 1, 32, 32, device="meta")).shape == (2, 10)


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_and_buffer_gets_through_a_state_dict(name: str) -> None:
    options, side_px = SMALL[name]
    channels = MODELS[name].in_channels
    one, other = (build_model(name, num_classes=5, in_channels=channels, **options).eval() for _ in range(2))
    x = torch.randn(2, channels, side_px, side_px)
    with torch.no_grad():
        assert not torch.equal(one(x), other(x))
        other.load_state_dict(one.state_dict(), strict=True)
        assert torch.equal(one(x), other(x))


def test_an_unknown_name_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match=r"no network called 'lenet6'; there are lenet5, mnist_cnn"):
        build_model("lenet6", num_classes=10, in_channels=1)
