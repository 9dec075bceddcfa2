from collections.abc import Callable

import pytest
import torch
from torch import nn

from models.densenet import DenseLayer, DenseNet, densenet121, densenet169, densenet201, densenet_bc_100_12


def layers_with_weights(model: nn.Module) -> int:
    return sum(isinstance(module, nn.Conv2d | nn.Linear) for module in model.modules())


def test_the_small_network_has_768778_parameters_for_gray_pictures_and_ten_classes() -> None:
    model = densenet_bc_100_12(num_classes=10, in_channels=1)
    assert sum(p.numel() for p in model.parameters()) == 768_778
    assert layers_with_weights(model) == 100


@pytest.mark.parametrize(
    ("builder", "depth", "parameters"),
    [(densenet121, 121, 7_978_856), (densenet169, 169, 14_149_480), (densenet201, 201, 20_013_928)],
)
def test_networks_are_as_deep_as_their_names_say(builder: Callable[..., DenseNet], depth: int, parameters: int) -> None:
    with torch.device("meta"):
        model = builder(num_classes=1000, in_channels=3)
        maps = model.activations(torch.empty(1, 3, 224, 224))
    assert layers_with_weights(model) == depth
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert maps.shape == (1, model.classifier.in_features, 7, 7)


def test_a_layer_keeps_what_it_is_given_and_adds_its_own_after_it() -> None:
    torch.manual_seed(0)
    layer = DenseLayer(6, growth=4).eval()
    x = torch.randn(2, 6, 5, 7)
    with torch.no_grad():
        out = layer(x)
        narrow = layer.conv1(torch.relu(x / (1 + 1e-5) ** 0.5))
        new = layer.conv2(torch.relu(narrow / (1 + 1e-5) ** 0.5))
    assert narrow.shape[1] == 16
    assert torch.equal(out[:, :6], x)
    torch.testing.assert_close(out[:, 6:], new)


def test_transitions_halve_channels_and_size_of_small_pictures() -> None:
    model = densenet_bc_100_12(num_classes=10, in_channels=1).eval()
    x = torch.randn(1, 1, 28, 28)
    shapes = []
    with torch.no_grad():
        for name, layer in model.features.named_children():
            x = layer(x)
            if name.startswith(("dense", "trans")):
                shapes.append(tuple(x.shape[1:]))
    assert shapes == [(216, 28, 28), (108, 14, 14), (300, 14, 14), (150, 7, 7), (342, 7, 7)]


def test_the_small_stem_differs_in_its_first_convolution_and_pooling_only() -> None:
    with torch.device("meta"):
        usual = densenet121(num_classes=10, in_channels=1)
        small = densenet121(num_classes=10, in_channels=1, stem="small")
    changed = {name for name, tensor in usual.state_dict().items() if small.state_dict()[name].shape != tensor.shape}
    assert changed == {"features.conv0.weight"}
    x = torch.empty(2, 1, 32, 32, device="meta")
    assert small.activations(x).shape[2:] == (4, 4)
    assert usual.activations(x).shape[2:] == (1, 1)
