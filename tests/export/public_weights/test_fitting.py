"""A file finds its network by names and shapes, or is told what does not fit."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from export.errors import BadWeights
from export.public_weights.fitting import Form, form_of, load_weights
from export.public_weights.reading import Weights
from export.recipes import CLASSIFIERS
from models import build_model
from models.classifier import Classifier

SHAPES_DO_NOT_TELL = ("xception", "vgg16_gap")
"""Networks whose two stems have the same parameters."""


def weights_of(tensors: Mapping[str, Tensor]) -> Weights:
    return Weights(path=Path("w.pth"), sha256="0" * 64, dtype="float32", tensors=dict(tensors))


def built(model: str, *, device: str = "cpu", num_classes: int = 7, in_channels: int = 3, **options: Any) -> Classifier:
    with torch.device(device):
        network = build_model(model, num_classes=num_classes, in_channels=in_channels, **options)
    assert isinstance(network, Classifier)
    return network


def shapes_of(model: str, **options: Any) -> dict[str, Tensor]:
    """Its state without values."""
    return built(model, device="meta", **options).state_dict()


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_every_network_is_told_by_its_shapes(model: str) -> None:
    form = form_of(model, weights_of(shapes_of(model)), {})
    assert form == Form(options={}, num_classes=7, in_channels=3)


@pytest.mark.parametrize("model", ["alexnet", "vgg16", "vgg19_bn", "resnet50", "densenet121", "googlenet"])
def test_the_small_stem_is_told_by_its_shapes(model: str) -> None:
    form = form_of(model, weights_of(shapes_of(model, stem="small", in_channels=1)), {})
    assert form == Form(options={"stem": "small"}, num_classes=7, in_channels=1)


@pytest.mark.parametrize("model", SHAPES_DO_NOT_TELL)
def test_where_shapes_do_not_tell_the_stem_it_can_be_named(model: str) -> None:
    colour = weights_of(shapes_of(model, stem="small"))
    assert form_of(model, colour, {}).options == {}
    assert form_of(model, colour, {"stem": "small"}).options == {"stem": "small"}
    gray = weights_of(shapes_of(model, stem="small", in_channels=1))
    assert form_of(model, gray, {}).options == {"stem": "small"}
    assert form_of(model, gray, {"stem": "imagenet"}).options == {"stem": "imagenet"}


def test_an_option_that_the_network_does_not_have_is_no_matter_of_the_file() -> None:
    with pytest.raises(ValueError, match="resnet20 has no option stem; it has none"):
        form_of("resnet20", weights_of(shapes_of("resnet20")), {"stem": "small"})


def without(tensors: Mapping[str, Tensor], pattern: str) -> dict[str, Tensor]:
    return {name: value for name, value in tensors.items() if not re.search(pattern, name)}


def of(pattern: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in tensors.items() if re.search(pattern, name)}


@pytest.mark.parametrize(
    ("model", "tensors", "complaint"),
    [
        (
            "resnet50",
            shapes_of("resnet18"),
            "w.pth does not fit resnet50: missing: layer1.0.conv3.weight, layer1.0.bn3.weight, layer1.0.bn3.bias and "
            "162 more; of another shape: layer1.0.conv1.weight (64, 64, 3, 3) instead of (64, 64, 1, 1), ",
        ),
        (
            "mnist_cnn",
            {**shapes_of("mnist_cnn"), "head.weight": torch.zeros(1)},
            "w.pth does not fit mnist_cnn: unexpected: head.weight.",
        ),
        (
            "mnist_cnn",
            without(shapes_of("mnist_cnn"), "conv2.bias"),
            "w.pth does not fit mnist_cnn: missing: conv2.bias.",
        ),
        ("mnist_cnn", without(shapes_of("mnist_cnn"), "fc2"), "missing: fc2.weight, fc2.bias."),
        ("googlenet", without(shapes_of("googlenet"), r"aux1\.fc1"), "missing: aux1.fc1.weight, aux1.fc1.bias."),
        (
            "googlenet",
            without(shapes_of("googlenet"), r"^aux1"),
            "missing: aux1.conv.conv.weight, aux1.conv.bn.weight, aux1.conv.bn.bias and 6 more.",
        ),
        (
            "googlenet",
            {**shapes_of("googlenet", num_classes=1000), **of("^fc", shapes_of("googlenet"))},
            "does not fit googlenet: of another shape: aux1.fc2.weight (1000, 1024) instead of (7, 1024), aux1.fc2.bi",
        ),
        (
            "mnist_cnn",
            {**shapes_of("mnist_cnn"), "fc2.bias": torch.ones(7, dtype=torch.bool)},
            "w.pth does not fit mnist_cnn: not of floating-point numbers: fc2.bias (bool).",
        ),
        (
            "resnet20",
            {name: value.to(torch.int8) for name, value in shapes_of("resnet20").items()},
            "w.pth does not fit resnet20: not of floating-point numbers: conv1.weight (int8), bn1.weight (int8), ",
        ),
        (
            "resnet18",
            without(shapes_of("resnet18"), "bn1.running_var"),
            "missing: bn1.running_var, layer1.0.bn1.running_var, layer1.1.bn1.running_var and 6 more.",
        ),
        (
            "resnet18",
            without(shapes_of("resnet18"), "running|num_batches"),
            "bn1.running_var, layer1.0.bn1.running_mean and 37 more (save the network's state_dict(), which has more "
            "than its parameters()).",
        ),
        ("lenet5", without(shapes_of("lenet5"), "codes"), "missing: output.codes (save the network's state_dict(), "),
        ("vgg16", shapes_of("vgg16_bn"), "w.pth does not fit vgg16: missing: "),
    ],
)
def test_the_first_keys_that_do_not_fit_are_named(model: str, tensors: dict[str, Tensor], complaint: str) -> None:
    with pytest.raises(BadWeights, match=re.escape(complaint)):
        form_of(model, weights_of(tensors), {})


def test_a_public_densenet_file_is_renamed_as_its_own_library_does() -> None:
    ours = built("densenet_bc_100_12")
    theirs = {re.sub(r"(norm|conv)([12])\.", r"\1.\2.", name): value for name, value in ours.state_dict().items()}
    assert "features.denseblock1.denselayer1.norm.1.weight" in theirs
    assert "features.denseblock3.denselayer16.conv.2.weight" in theirs
    other = built("densenet_bc_100_12")
    load_weights(other, "densenet_bc_100_12", weights_of(theirs))
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, rtol=0, atol=0)


def test_an_xception_file_of_2017_has_its_matrices_turned_into_kernels() -> None:
    ours = built("xception", width=0.125).state_dict()
    theirs = {name: value.flatten(1) if "pointwise" in name else value for name, value in ours.items()}
    other = built("xception", width=0.125)
    load_weights(other, "xception", weights_of(theirs))
    for name, value in ours.items():
        torch.testing.assert_close(other.state_dict()[name], value, rtol=0, atol=0)


def test_files_without_auxiliary_classifiers_or_counters_load_all_the_same() -> None:
    # Small enough for a test: what is left out does not hang on the size.
    tensors = without(built("googlenet", stem="small").state_dict(), r"^aux|num_batches_tracked")
    weights = weights_of(tensors)
    assert form_of("googlenet", weights, {}) == Form(options={"stem": "small"}, num_classes=7, in_channels=3)
    network = built("googlenet", stem="small")
    load_weights(network, "googlenet", weights)
    for name, value in tensors.items():
        torch.testing.assert_close(network.state_dict()[name], value, rtol=0, atol=0)


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "model.", "network.", "module._orig_mod.", "net.backbone."]
)
@pytest.mark.parametrize("model", ["mnist_cnn", "densenet_bc_100_12"])
def test_what_wrappers_put_before_every_name_is_taken_off(model: str, prefix: str) -> None:
    ours = built(model)
    theirs = weights_of({prefix + name: value for name, value in ours.state_dict().items()})
    assert form_of(model, theirs, {}) == Form(options={}, num_classes=7, in_channels=3)
    other = built(model)
    load_weights(other, model, theirs)
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, rtol=0, atol=0)


def test_a_prefix_of_some_names_only_stays() -> None:
    tensors = {f"module.{name}": value for name, value in shapes_of("mnist_cnn").items()} | {"epoch": torch.ones(1)}
    with pytest.raises(BadWeights, match=r"unexpected: module\.conv1\.weight, "):
        form_of("mnist_cnn", weights_of(tensors), {})


def test_names_of_another_network_are_not_cut() -> None:
    with pytest.raises(BadWeights, match=r"unexpected: encoder\.stage\.kernel\.$"):
        form_of("mnist_cnn", weights_of({"encoder.stage.kernel": torch.ones(1)}), {})


@pytest.mark.parametrize("counter", [torch.ones(1, dtype=torch.int64), torch.tensor(7.0), torch.ones(2, 2)])
def test_counters_of_batches_may_have_any_form(counter: Tensor) -> None:
    tensors = {
        name: counter if name.endswith("num_batches_tracked") else value
        for name, value in built("resnet20").state_dict().items()
    }
    assert form_of("resnet20", weights_of(tensors), {}).num_classes == 7
    network = built("resnet20")
    load_weights(network, "resnet20", weights_of(tensors))
    assert network.state_dict()["bn1.num_batches_tracked"].shape == ()
    torch.testing.assert_close(network.state_dict()["fc.weight"], tensors["fc.weight"], rtol=0, atol=0)


@pytest.mark.parametrize(("model", "head"), [("mnist_cnn", "fc2.weight"), ("lenet5", "output.codes")])
def test_a_last_layer_of_zeros_is_refused(model: str, head: str) -> None:
    tensors = built(model, in_channels=1).state_dict()
    weights = weights_of({**tensors, head: torch.zeros_like(tensors[head])})
    with pytest.raises(BadWeights, match=f"w.pth holds nothing but zeros in {head}: all pictures would score the same"):
        load_weights(built(model, in_channels=1), model, weights)


def test_a_head_of_one_class_is_refused() -> None:
    weights = weights_of(built("mnist_cnn", num_classes=1).state_dict())
    with pytest.raises(BadWeights, match=r"w\.pth is for one class, whose score is 1 whatever the picture shows\."):
        load_weights(built("mnist_cnn", num_classes=1), "mnist_cnn", weights)


def test_loading_into_another_network_names_the_keys_too() -> None:
    with pytest.raises(
        BadWeights, match=re.escape("of another shape: fc2.weight (7, 64) instead of (9, 64), fc2.bias")
    ):
        load_weights(built("mnist_cnn", num_classes=9), "mnist_cnn", weights_of(built("mnist_cnn").state_dict()))
