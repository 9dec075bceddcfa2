"""What a segmenter takes over from a classifier, from a coarser network, from a file of its own kind."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from export.errors import BadWeights, UsageError
from export.public_weights.reading import Weights
from export.public_weights.trunks import fill, open_trunk
from models import build_model
from models.network import Network

State = dict[str, Tensor]


def network_of(model: str, *, num_classes: int = 5, in_channels: int = 1, **options: Any) -> Network:
    network = build_model(model, num_classes=num_classes, in_channels=in_channels, **options)
    assert isinstance(network, Network)
    return network


def weights_of(state: State) -> Weights:
    return Weights(path=Path("w.pth"), sha256="0" * 64, dtype="float32", tensors=state)


def shapes_of(model: str, **options: Any) -> Weights:
    with torch.device("meta"):
        return weights_of(network_of(model, **options).state_dict())


SMALL: dict[str, Any] = {"stem": "small", "normalised": True, "head_width": 512}


@pytest.mark.parametrize(
    ("model", "source", "form", "options"),
    [
        ("fcn32s", "vgg16", {}, {}),
        ("fcn8s", "vgg16_bn", {}, {"normalised": True}),
        ("fcn16s", "vgg16_bn", {"stem": "small"}, SMALL),
        ("fcn16s", "fcn32s", SMALL, SMALL),
        ("fcn8s", "fcn16s", {"head_width": 8}, {"head_width": 8}),
        ("fcn_resnet50", "resnet50", {}, {}),
        ("unet", "unet", {"width": 4, "depth": 2}, {"width": 4, "depth": 2}),
    ],
)
def test_the_network_is_built_as_the_file_wants_it(
    model: str, source: str, form: dict[str, Any], options: dict[str, Any]
) -> None:
    trunk = open_trunk(model, shapes_of(source, **form), {})
    assert (trunk.options, trunk.in_channels) == (options, 1)


@pytest.fixture(scope="module")
def classifier() -> State:
    """A VGG16 for small gray pictures."""
    torch.manual_seed(1)
    return network_of("vgg16_bn", num_classes=10, stem="small").state_dict()


def test_an_fcn_takes_all_of_a_vgg16_but_its_last_layer(classifier: State) -> None:
    weights = weights_of({f"module.{name}": value for name, value in classifier.items()})
    trunk = open_trunk("fcn8s", weights, {})
    assert trunk.options == SMALL
    network = network_of("fcn8s", **trunk.options)
    fill(network, "fcn8s", weights)
    state = network.state_dict()
    for name, value in classifier.items():
        if name.startswith("features."):
            assert torch.equal(state[name], value), name
    for ours, theirs in (("fc6", "classifier.0"), ("fc7", "classifier.3")):
        assert torch.equal(state[f"{ours}.weight"].flatten(1), classifier[f"{theirs}.weight"])
        assert torch.equal(state[f"{ours}.bias"], classifier[f"{theirs}.bias"])
    assert not state["score_fr.weight"].any()


def test_a_head_of_another_width_begins_anew(classifier: State) -> None:
    assert open_trunk("fcn8s", weights_of(classifier), {"head_width": 8}).options == {**SMALL, "head_width": 8}
    network = network_of("fcn8s", **{**SMALL, "head_width": 8})
    before = network.state_dict()["fc6.weight"].clone()
    fill(network, "fcn8s", weights_of(classifier))
    assert torch.equal(network.state_dict()["fc6.weight"], before)
    assert torch.equal(network.state_dict()["features.0.weight"], classifier["features.0.weight"])


@pytest.mark.parametrize(("num_classes", "keeps"), [(5, True), (3, False)])
def test_scores_of_a_coarser_network_are_kept_for_as_many_classes(num_classes: int, keeps: bool) -> None:
    torch.manual_seed(2)
    options: dict[str, Any] = {"stem": "small", "head_width": 8}
    coarser = network_of("fcn16s", **options)
    torch.nn.init.normal_(coarser.get_parameter("score_fr.weight"))
    torch.nn.init.normal_(coarser.get_parameter("upscore2.weight"))
    theirs = coarser.state_dict()
    network = network_of("fcn8s", num_classes=num_classes, **options)
    fill(network, "fcn8s", weights_of(theirs))
    ours = network.state_dict()
    assert torch.equal(ours["fc7.weight"], theirs["fc7.weight"])
    for name in ("score_fr.weight", "upscore2.weight"):
        assert torch.equal(ours[name], theirs[name]) == keeps
    assert not ours["score_pool3.weight"].any()
    assert ours["upscore8.weight"].shape == (1, 1, 16, 16)


def test_fcn_resnet50_takes_the_trunk_of_a_classifier_and_all_but_the_scores_of_its_like() -> None:
    torch.manual_seed(3)
    network = network_of("fcn_resnet50", num_classes=3)
    other = network_of("fcn_resnet50", num_classes=5).state_dict()
    fill(network, "fcn_resnet50", weights_of(other))
    state = {name: value.clone() for name, value in network.state_dict().items()}
    assert torch.equal(state["classifier.0.weight"], other["classifier.0.weight"])
    assert state["classifier.4.weight"].shape == (3, 512, 1, 1)
    resnet = network_of("resnet50", num_classes=10).state_dict()
    fill(network, "fcn_resnet50", weights_of(resnet))
    for name, value in resnet.items():
        if not name.startswith("fc."):
            assert torch.equal(network.state_dict()[f"backbone.{name}"], value), name
    assert torch.equal(network.state_dict()["classifier.0.weight"], state["classifier.0.weight"])


@pytest.mark.parametrize(
    ("model", "source", "form", "options", "complaint"),
    [
        ("fcn8s", "resnet18", {}, {}, "fcn8s starts from files of fcn8s, fcn16s, fcn32s, vgg16, vgg16_bn; nearest is "),
        ("fcn_resnet50", "resnet18", {}, {}, r"resnet50, but w\.pth does not fit resnet50: missing: layer1\.0\.conv3"),
        ("fcn_resnet50", "resnet50", {"stem": "small"}, {}, "a resnet50 with the small stem, which fcn_resnet50 does"),
        ("fcn8s", "vgg16", {}, {"normalised": True}, r"fcn8s with these options: Fcn8s has no parameter features\.2"),
        ("fcn8s", "fcn32s", {}, {"head_width": 8}, "fc6.weight is 4096x512x7x7, where Fcn8s has 8x512x7x7"),
        ("unet", "unet_xception", {}, {}, r"w\.pth does not fit unet: missing: contracting"),
    ],
)
def test_a_file_that_is_no_trunk_is_one_sentence(
    model: str, source: str, form: dict[str, Any], options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(BadWeights, match=complaint):
        open_trunk(model, shapes_of(source, **form), options)


def test_an_option_that_the_network_does_not_have_is_no_matter_of_the_file() -> None:
    with pytest.raises(UsageError, match=r"fcn8s has no option width; it has stem, normalised, head_width\."):
        open_trunk("fcn8s", shapes_of("vgg16"), {"width": 3})
