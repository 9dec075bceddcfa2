"""Networks that end in global average pooling: their maps against autograd and against the identity of the paper."""

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models import build_model
from models.classifier import PooledClassifier

CLASSES = 10
# One network per kind: options, the picture, and the map it makes; never square, so that no axis passes for another.
CASES: dict[str, tuple[dict[str, Any], tuple[int, int], tuple[int, int]]] = {
    "resnet20": ({}, (16, 24), (4, 6)),
    "resnet18": ({"stem": "small"}, (16, 24), (2, 3)),
    "resnet50": ({}, (64, 96), (2, 3)),
    "densenet121": ({}, (64, 96), (2, 3)),
    "densenet_bc_100_12": ({}, (16, 24), (4, 6)),
    "googlenet": ({"stem": "small"}, (24, 32), (3, 4)),
    "xception": ({"stem": "small", "width": 0.25}, (32, 48), (4, 6)),
    "alexnet_gap": ({"stem": "small"}, (27, 35), (6, 8)),
    "vgg16_gap": ({"stem": "small"}, (24, 32), (3, 4)),
}
networks = pytest.mark.parametrize("name", CASES)


@cache
def classifier(name: str) -> PooledClassifier:
    """A network with random weights, whose normalisations have seen pictures."""
    torch.manual_seed(3)
    model = build_model(name, num_classes=CLASSES, in_channels=1, **CASES[name][0])
    assert isinstance(model, PooledClassifier)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        model.train()(pictures(name, 8))
    return model.eval()


def pictures(name: str, count: int) -> Tensor:
    torch.manual_seed(count)
    return torch.randn(count, 1, *CASES[name][1])


def gradient_of_target(model: PooledClassifier, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Activations at the layer of the map, from a hook, and the gradient there of each row's target, by autograd."""
    seen: list[Tensor] = []

    def lifted(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        # Above zero, so that a ReLU after the layer passes all gradients; the head is linear, so a shift changes none.
        seen.append((output.relu() + 1).detach().requires_grad_())
        return seen[0]

    handle = model.get_submodule(model.cam_layer).register_forward_hook(lifted)
    try:
        logits = model(x)
    finally:
        handle.remove()
    (gradient,) = torch.autograd.grad(logits.gather(1, target[:, None]).sum(), seen[0])
    return (seen[0] - 1).detach(), gradient


def assert_close_to_max(actual: Tensor, expected: Tensor) -> None:
    assert actual.shape == expected.shape
    assert (actual - expected).abs().max() <= 1e-4 * expected.abs().max()


@networks
@pytest.mark.parametrize("count", [1, 3, 8])
def test_maps_are_those_of_autograd(name: str, count: int) -> None:
    model, x = classifier(name), pictures(name, count)
    with torch.no_grad():
        logits = model(x)
    target = torch.arange(count) - 1  # The first row's is its top class.
    resolved = torch.where(target < 0, logits.argmax(dim=1), target)
    activations, gradient = gradient_of_target(model, x, resolved)
    with torch.no_grad():
        given, cam = model.forward_with_cam(x, target)
        given_too, hirescam = model.forward_with_hirescam(x, target)
    assert torch.equal(given, logits)
    assert torch.equal(given_too, logits)
    assert cam.shape == (count, *CASES[name][2])
    positions = cam.shape[1] * cam.shape[2]
    grad_cam = (gradient.mean(dim=(2, 3), keepdim=True) * activations).sum(dim=1)
    assert_close_to_max(cam, grad_cam * positions)
    assert_close_to_max(hirescam, (gradient * activations).sum(dim=1))
    assert cam.dtype == hirescam.dtype == torch.float32


@networks
def test_the_mean_of_a_map_plus_the_bias_is_the_logit(name: str) -> None:
    model, x = classifier(name), pictures(name, CLASSES)
    head = model.get_submodule(model.heads[0])
    assert isinstance(head, nn.Linear)
    with torch.no_grad():
        head.bias.copy_(torch.linspace(-1, 1, CLASSES))  # Some networks start with none.
        logits, cam = model.forward_with_cam(x, torch.arange(CLASSES))
        assert_close_to_max(cam.mean(dim=(1, 2)) + head.bias, logits.diagonal())


@networks
def test_maps_have_both_signs_and_differ_between_classes(name: str) -> None:
    model, x = classifier(name), pictures(name, 1).expand(2, -1, -1, -1)
    assert model.cam_method == "cam"
    with torch.no_grad():
        _, cam = model.forward_with_cam(x, torch.tensor([0, 1]))
    assert cam.min() < 0 < cam.max()
    assert not torch.allclose(cam[0], cam[1], atol=1e-2 * float(cam.abs().max()))


@pytest.mark.parametrize("name", ["googlenet", "xception"])
def test_dropout_plays_its_part_in_training_only_and_never_in_maps(name: str) -> None:
    model, x = classifier(name), pictures(name, 2)
    target = torch.tensor([1, 2])
    with torch.no_grad():
        assert torch.equal(model(x), model(x))
        try:
            model.train()
            assert not torch.equal(model(x), model(x))
            first, second = model.forward_with_cam(x, target), model.forward_with_cam(x, target)
        finally:
            classifier.cache_clear()  # Training moved the normalisations.
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
