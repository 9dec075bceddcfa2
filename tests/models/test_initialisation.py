import math

import pytest
import torch
from torch import nn

from models import build_model


@pytest.mark.parametrize("name", ["vgg19", "vgg19_bn"])
def test_signals_keep_their_size_through_a_deep_network(name: str) -> None:
    torch.manual_seed(5)
    model = build_model(name, num_classes=10, in_channels=1, stem="small").eval()
    features = model.get_submodule("features")
    assert isinstance(features, nn.Sequential)
    x = torch.randn(4, 1, 32, 32)
    sizes = []
    with torch.no_grad():
        for layer in features:
            x = layer(x)
            if isinstance(layer, nn.Conv2d):
                sizes.append(float(x.square().mean().sqrt()))
    # Poolings choose what is large, zeros beyond the edges take away; torch's own weights end 6 ** 8 times as small.
    assert len(sizes) == 16
    assert all(0.3 < size < 6 for size in sizes), sizes


def test_convolutions_have_the_variance_of_the_paper_and_other_layers_that_of_torch() -> None:
    torch.manual_seed(5)
    model = build_model("alexnet", num_classes=100, in_channels=3)
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len(layers) == 8
    for layer in layers:
        fan_in = layer.weight[0].numel()
        expected = math.sqrt((2 if isinstance(layer, nn.Conv2d) else 1 / 3) / fan_in)
        assert float(layer.weight.detach().std()) == pytest.approx(expected, rel=0.02)
        assert layer.bias is not None
        assert not layer.bias.any()
