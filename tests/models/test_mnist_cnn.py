from itertools import combinations

import numpy as np
import pytest
import torch
from torch import Tensor

from models.mnist_cnn import MnistCnn


@pytest.fixture
def model() -> MnistCnn:
    torch.manual_seed(5)
    return MnistCnn(num_classes=10, in_channels=1).eval()


def test_it_has_118346_parameters_layer_by_layer(model: MnistCnn) -> None:
    counts = {name: sum(p.numel() for p in layer.parameters()) for name, layer in model.named_children()}
    with_weights = {name: count for name, count in counts.items() if count}
    assert with_weights == {"conv1": 832, "conv2": 51_264, "fc1": 65_600, "fc2": 650}
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 118_346


def test_network_equals_its_layers_written_out_in_numpy(model: MnistCnn) -> None:
    def array(tensor: Tensor | None) -> np.ndarray:
        assert tensor is not None
        return np.asarray(tensor.detach().double().numpy())

    def round_of(x: np.ndarray, weight: Tensor, bias: Tensor | None) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(x, (5, 5), axis=(2, 3))
        sums = np.einsum("nchwij,kcij->nkhw", windows, array(weight)) + array(bias)[:, None, None]
        n, k, h, w = sums.shape
        blocks = np.maximum(sums, 0).reshape(n, k, h // 2, 2, w // 2, 2)
        return np.asarray(blocks.max(axis=(3, 5)))

    x = torch.randn(2, 1, 28, 28)
    first = round_of(array(x), model.conv1.weight, model.conv1.bias)
    second = round_of(first, model.conv2.weight, model.conv2.bias)
    assert second.shape == (2, 64, 4, 4)
    hidden = np.maximum(second.reshape(2, -1) @ array(model.fc1.weight).T + array(model.fc1.bias), 0)
    expected = hidden @ array(model.fc2.weight).T + array(model.fc2.bias)
    np.testing.assert_allclose(model(x).detach().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_units_are_dropped_in_training_only(model: MnistCnn) -> None:
    x = torch.randn(1, 1, 28, 28)
    model.train()
    assert any(not torch.equal(a, b) for a, b in combinations([model(x) for _ in range(4)], 2))
    model.eval()
    assert torch.equal(model(x), model(x))
