"""Options of networks: which there are, which values they take, and the sentence that says so."""

import inspect
import json
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from models import MODELS, build_model
from models.facts import Stem
from models.options import check_options

WIDTH = "option width of xception must be a number from 0.1 to 4, not {}"
RESIDUAL = "option residual of xception must be true or false, not {}"
INTERMEDIATE = 'option intermediate_activation of xception must be "relu", "elu" or null, not {}'
UNET_WIDTH = "option width of unet must be a whole number from 1 to 1024, not {}"
WIDTHS = "option widths of unet_xception must be a list of 1 to 6 whole numbers from 1 to 2048, not {}"
STEM = 'option stem of resnet18 must be "imagenet" or "small", not {}'


@pytest.mark.parametrize(
    ("name", "option", "sentence"),
    [
        ("resnet18", {"stem": "tiny"}, STEM.format('"tiny"')),
        ("resnet18", {"stem": None}, STEM.format("null")),
        ("resnet18", {"stem": 1}, STEM.format("1")),
        ("resnet18", {"stem": torch.zeros(2)}, STEM.format('"tensor([0., 0.])"')),
        ("xception", {"width": 0}, WIDTH.format("0")),
        ("xception", {"width": -1}, WIDTH.format("-1")),
        ("xception", {"width": 1000}, WIDTH.format("1000")),
        ("xception", {"width": math.inf}, WIDTH.format("Infinity")),
        ("xception", {"width": math.nan}, WIDTH.format("NaN")),
        ("xception", {"width": True}, WIDTH.format("true")),
        ("xception", {"width": "1"}, WIDTH.format('"1"')),
        ("xception", {"residual": "no"}, RESIDUAL.format('"no"')),
        ("xception", {"residual": None}, RESIDUAL.format("null")),
        ("xception", {"residual": "False"}, RESIDUAL.format('"False"')),
        ("xception", {"residual": 0}, RESIDUAL.format("0")),
        ("xception", {"intermediate_activation": "tanh"}, INTERMEDIATE.format('"tanh"')),
        ("xception", {"intermediate_activation": "none"}, INTERMEDIATE.format('"none"')),
        ("xception", {"intermediate_activation": False}, INTERMEDIATE.format("false")),
        ("xception", {"intermediate_activation": []}, INTERMEDIATE.format("[]")),
        ("mnist_cnn", {"dropout": 2}, "option dropout of mnist_cnn must be a number from 0 to 1, not 2"),
        ("unet", {"width": 0}, UNET_WIDTH.format("0")),
        ("unet", {"width": 1025}, UNET_WIDTH.format("1025")),
        ("unet", {"width": 16.0}, UNET_WIDTH.format("16.0")),
        ("unet", {"width": True}, UNET_WIDTH.format("true")),
        ("unet", {"width": "16"}, UNET_WIDTH.format('"16"')),
        ("unet", {"width": [16]}, UNET_WIDTH.format("[16]")),
        ("unet", {"dropout": 1.5}, "option dropout of unet must be a number from 0 to 1, not 1.5"),
        ("unet_xception", {"widths": []}, WIDTHS.format("[]")),
        ("unet_xception", {"widths": [8] * 7}, WIDTHS.format("[8, 8, 8, 8, 8, 8, 8]")),
        ("unet_xception", {"widths": (8, 0)}, WIDTHS.format("[8, 0]")),
        ("unet_xception", {"widths": [8, 16.0]}, WIDTHS.format("[8, 16.0]")),
        ("unet_xception", {"widths": [8, True]}, WIDTHS.format("[8, true]")),
        ("unet_xception", {"widths": ["8"]}, WIDTHS.format('["8"]')),
        ("unet_xception", {"widths": "8"}, WIDTHS.format('"8"')),
        ("unet_xception", {"widths": 8}, WIDTHS.format("8")),
        ("unet_xception", {"widths": None}, WIDTHS.format("null")),
        (
            "fcn32s",
            {"head_width": 4097},
            "option head_width of fcn32s must be a whole number from 1 to 4096, not 4097",
        ),
        ("lenet5", {"stem": "small"}, "lenet5 has no option stem; it has none"),
        ("lenet5", {"name": "lenet5"}, "lenet5 has no option name; it has none"),
        ("densenet121", {"growth": 12}, "densenet121 has no option growth; it has stem"),
        (
            "xception",
            {"depth": 1},
            "xception has no option depth; it has stem, residual, intermediate_activation, width",
        ),
    ],
)
def test_other_options_and_values_are_refused_in_one_sentence(name: str, option: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=name) as raised:
        build_model(name, num_classes=10, in_channels=1, **option)
    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("resnet18", {"stem": "small"}),
        ("resnet18", {"stem": "imagenet"}),
        ("xception", {"residual": False, "intermediate_activation": "elu", "width": 1, "stem": "small"}),
        ("xception", {"residual": True, "intermediate_activation": None, "width": 0.1}),
        ("mnist_cnn", {"dropout": 0}),
        ("unet", {"width": 1, "depth": 8, "padding": "valid", "normalised": False, "dropout": 0}),
        ("unet_xception", {"widths": [1]}),
        ("unet_xception", {"widths": (32, 64, 128, 256, 512, 2048)}),
    ],
)
def test_values_that_the_signature_names_are_taken(name: str, options: dict[str, Any]) -> None:
    check_options(name, MODELS[name].builder, options)


@pytest.mark.parametrize("name", MODELS)
def test_every_option_of_every_network_says_its_values(name: str) -> None:
    class Nothing:
        def __repr__(self) -> str:
            return "nothing"

    options = inspect.signature(MODELS[name].builder).parameters.keys() - {"num_classes", "in_channels"}
    for option in options:
        with pytest.raises(ValueError, match=rf'^option {option} of {name} must be .+, not "nothing"$'):
            check_options(name, MODELS[name].builder, {option: Nothing()})


@pytest.mark.parametrize("number", [0, -1, 2.5, "10", True, None])
@pytest.mark.parametrize("what", ["num_classes", "in_channels"])
def test_only_whole_numbers_count_classes_and_channels(what: str, number: Any) -> None:
    sizes: dict[str, Any] = {"num_classes": 10, "in_channels": 1, what: number}
    with pytest.raises(ValueError, match=f"^{what} must be a whole number of at least 1, not {json.dumps(number)}$"):
        build_model("mnist_cnn", **sizes)


def test_a_fault_inside_a_network_keeps_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*, num_classes: int, in_channels: int, stem: Stem = "imagenet") -> nn.Module:
        raise TypeError("a real fault")

    monkeypatch.setitem(MODELS, "lenet5", replace(MODELS["lenet5"], builder=broken))
    with pytest.raises(TypeError, match="a real fault"):
        build_model("lenet5", num_classes=10, in_channels=1, stem="small")
