import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from models.lenet import C3_TABLE, LeNet5, RadialBasisOutput, ScaledTanh, Subsampling, TableConv2d

# Table I of the paper as printed: rows are the maps of S2, columns those of C3.
TABLE_I = """
X . . . X X X . . X X X X . X X
X X . . . X X X . . X X X X . X
X X X . . . X X X . . X . X X X
. X X X . . X X X X . . X . X X
. . X X X . . X X X X . X X . X
. . . X X X . . X X X X . X X X
"""
PRINTED = np.array([[cell == "X" for cell in line.split()] for line in TABLE_I.strip().splitlines()])


@pytest.fixture
def model() -> LeNet5:
    torch.manual_seed(5)
    return LeNet5(num_classes=10, in_channels=1).eval()


def squash(a: Tensor) -> Tensor:
    return 1.7159 * torch.tanh(a * 2 / 3)


def test_trainable_parameters_are_the_papers_layer_by_layer(model: LeNet5) -> None:
    def trainable(module: nn.Module) -> int:
        return sum(p.numel() for p in module.parameters() if p.requires_grad)

    counts = {name: trainable(layer) for name, layer in model.named_children()}
    papers = {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164}
    assert counts == papers | {"output": 0, "squash": 0}
    assert trainable(model) == 60_000


def test_more_channels_make_c1_alone_grow() -> None:
    model = LeNet5(num_classes=10, in_channels=3)
    assert sum(p.numel() for p in model.parameters()) == 60_000 + 2 * 6 * 25


def test_connections_of_c3_are_those_of_table_i() -> None:
    assert tuple(tuple(np.flatnonzero(column).tolist()) for column in PRINTED.T) == C3_TABLE


def test_table_i_follows_its_rule() -> None:
    def contiguous(column: np.ndarray) -> bool:
        # Around the ring of six maps, a contiguous run has one end only.
        return int((column & ~np.roll(column, -1)).sum()) == 1

    sizes = PRINTED.sum(axis=0).tolist()
    assert sizes == [3] * 6 + [4] * 9 + [6]
    assert all(contiguous(column) for column in PRINTED.T[:12])
    assert not any(contiguous(column) for column in PRINTED.T[12:15])


def test_states_pass_through_one_at_one() -> None:
    ends = ScaledTanh()(torch.tensor([-1e3, -1.0, 0.0, 1.0, 1e3]))
    assert ends.tolist() == pytest.approx([-1.7159, -1.0, 0.0, 1.0, 1.7159], abs=1e-4)


def test_derivative_of_the_squashing_function_is_that_of_autograd() -> None:
    a = torch.linspace(-6, 6, 101, dtype=torch.float64, requires_grad=True)
    y = ScaledTanh()(a)
    (expected,) = torch.autograd.grad(y.sum(), a)
    torch.testing.assert_close(ScaledTanh().derivative(y), expected)


def test_subsampling_is_coefficient_times_sum_plus_bias() -> None:
    layer = Subsampling(3)
    x = torch.randn(2, 3, 6, 8)
    sums = x[..., ::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, ::2] + x[..., 1::2, 1::2]
    expected = sums * layer.weight.view(1, 3, 1, 1) + layer.bias.view(1, 3, 1, 1)
    torch.testing.assert_close(layer(x), expected)


def test_c3_sees_only_the_maps_in_its_table(model: LeNet5) -> None:
    x = torch.randn(2, 6, 14, 14)
    kernels, bias = iter(model.c3.weight), model.c3.bias.detach()
    for out in range(16):
        seen = np.flatnonzero(PRINTED[:, out]).tolist()
        alone = torch.stack([next(kernels) for _ in seen])[None]
        expected = F.conv2d(x[:, seen], alone, bias[out : out + 1])
        torch.testing.assert_close(model.c3(x)[:, out : out + 1], expected, rtol=1e-5, atol=1e-5)
    assert next(kernels, None) is None


def test_connections_outside_the_table_cannot_be_trained(model: LeNet5) -> None:
    kernel = model.c3.kernel()
    assert (kernel.flatten(2).abs().sum(dim=2) > 0).T.numpy().tolist() == PRINTED.tolist()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    torch.autograd.backward(model(torch.randn(2, 1, 32, 32)).sum())
    optimizer.step()
    changed = model.c3.kernel() - kernel
    assert (changed.flatten(2).abs().sum(dim=2) > 0).T.numpy().tolist() == PRINTED.tolist()


def test_output_is_minus_the_squared_distance_to_the_codes() -> None:
    layer = RadialBasisOutput(10)
    x = 1.7 * torch.randn(4, 84)
    expected = -((x[:, None] - layer.codes) ** 2).sum(dim=2)
    torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(layer(layer.codes).diagonal(), torch.zeros(10), rtol=0, atol=1e-3)


def test_network_equals_its_layers_written_out(model: LeNet5) -> None:
    x = torch.randn(3, 1, 32, 32)
    s = squash(F.conv2d(x, model.c1.weight, model.c1.bias))
    s = squash(F.avg_pool2d(s, 2) * 4 * model.s2.weight.view(6, 1, 1) + model.s2.bias.view(6, 1, 1))
    s = squash(F.conv2d(s, model.c3.kernel(), model.c3.bias))
    assert s.shape == (3, 16, 10, 10)
    s = squash(F.avg_pool2d(s, 2) * 4 * model.s4.weight.view(16, 1, 1) + model.s4.bias.view(16, 1, 1))
    c5_bias = model.c5.bias
    assert c5_bias is not None
    s = squash(s.flatten(1) @ model.c5.weight.reshape(120, 400).T + c5_bias)
    s = squash(s @ model.f6.weight.T + model.f6.bias)
    expected = -(torch.cdist(s, model.output.codes, compute_mode="donot_use_mm_for_euclid_dist") ** 2)
    torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-3)


def test_weights_start_in_the_papers_range(model: LeNet5) -> None:
    fan_ins: list[tuple[nn.Module, int]]
    fan_ins = [(model.c1, 25), (model.s2, 4), (model.s4, 4), (model.c5, 400), (model.f6, 120)]
    for layer, fan_in in fan_ins:
        largest = max(float(p.detach().abs().max()) for p in layer.parameters())
        assert 0.5 * 2.4 / fan_in < largest <= 2.4 / fan_in
    for sees, first, last in ((3, 0, 18), (4, 18, 54), (6, 54, 60)):
        largest = float(model.c3.weight[first:last].detach().abs().max())
        assert 0.9 * 2.4 / (sees * 25) < largest <= 2.4 / (sees * 25)


def test_a_table_convolution_takes_other_tables() -> None:
    layer = TableConv2d(3, ((2,), (0, 1)), 3)
    x = torch.randn(1, 3, 5, 5)
    changed = x.clone()
    changed[:, 2] = 0
    assert layer(x).shape == (1, 2, 3, 3)
    assert torch.equal(layer(x)[:, 1], layer(changed)[:, 1])
    assert not torch.equal(layer(x)[:, 0], layer(changed)[:, 0])


def test_one_step_of_gradient_descent_lowers_the_papers_criterion(model: LeNet5) -> None:
    x, y = torch.randn(16, 1, 32, 32), torch.arange(16) % 10
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    before = F.cross_entropy(model(x), y)
    torch.autograd.backward(before)
    optimizer.step()
    after = F.cross_entropy(model(x), y)
    assert math.isfinite(before.item())
    assert after < before
