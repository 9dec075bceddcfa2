from typing import Literal

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from models.xception import SeparableConv, Xception


def on_meta(**options: object) -> Xception:
    with torch.device("meta"):
        return Xception(num_classes=10, in_channels=1, **options)  # type: ignore[arg-type]  # The tests name them.


@pytest.mark.parametrize(("activation", "between"), [(None, lambda x: x), ("relu", F.relu), ("elu", F.elu)])
def test_the_spatial_convolution_of_each_channel_comes_first(
    activation: Literal["relu", "elu"] | None, between: type[nn.Module]
) -> None:
    torch.manual_seed(0)
    layer = SeparableConv(4, 6, activation)
    x = torch.randn(2, 4, 7, 9)
    with torch.no_grad():
        spatial = torch.cat([F.conv2d(x[:, i : i + 1], layer.conv1.weight[i : i + 1], padding=1) for i in range(4)], 1)
        expected = torch.einsum("nchw,kc->nkhw", between(spatial), layer.pointwise.weight[:, :, 0, 0])
        torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", ["relu", "elu"])
def test_an_intermediate_activation_stands_in_every_separable_convolution_and_adds_no_parameter(
    activation: Literal["relu", "elu"],
) -> None:
    plain, changed = on_meta(), on_meta(intermediate_activation=activation)
    kind = {"relu": nn.ReLU, "elu": nn.ELU}[activation]
    separable = [module for module in changed.modules() if isinstance(module, SeparableConv)]
    assert len(separable) == 34
    assert all(isinstance(module.intermediate, kind) for module in separable)
    assert list(changed.state_dict()) == list(plain.state_dict())


def test_without_residual_connections_only_their_projections_are_gone() -> None:
    whole, bare = on_meta().state_dict(), on_meta(residual=False).state_dict()
    gone = set(whole) - set(bare)
    assert set(bare) < set(whole)
    assert {name.rpartition(".")[0] for name in gone} == {
        f"block{number}.{part}" for number in (1, 2, 3, 12) for part in ("skip", "skipbn")
    }


def test_residual_connections_add_what_goes_in() -> None:
    torch.manual_seed(0)
    model = Xception(num_classes=3, in_channels=1, stem="small", width=0.1).eval()
    bare = Xception(num_classes=3, in_channels=1, stem="small", width=0.1, residual=False).eval()
    bare.load_state_dict(model.state_dict(), strict=False)
    entering, middle = torch.randn(2, 8, 8, 8), torch.randn(2, 72, 4, 4)
    with torch.no_grad():
        torch.testing.assert_close(model.block4(middle), bare.block4(middle) + middle)
        kernel = model.get_parameter("block1.skip.weight")
        projected = model.block1.skipbn(F.conv2d(entering, kernel, stride=2))
        torch.testing.assert_close(model.block1(entering), bare.block1(entering) + projected)


def test_width_multiplies_every_layer() -> None:
    half = on_meta(width=0.5)
    widths = [module.out_channels for module in half.modules() if isinstance(module, nn.Conv2d)]
    assert half.conv1.out_channels == 16
    assert half.get_parameter("block4.rep.1.pointwise.weight").shape[:2] == (368, 368)  # 364, to a multiple of eight.
    assert half.fc.in_features == 1024
    assert all(width % 8 == 0 for width in widths)
    parameters = [sum(p.numel() for p in model.parameters()) for model in (half, on_meta())]
    assert parameters[0] / parameters[1] == pytest.approx(0.25, abs=0.01)


def test_maps_have_the_sizes_of_figure_5_and_of_small_pictures() -> None:
    assert on_meta().activations(torch.empty(1, 1, 299, 299, device="meta")).shape == (1, 2048, 10, 10)
    small = on_meta(stem="small")
    middle: list[torch.Size] = []
    small.block4.register_forward_hook(lambda _m, _i, output: middle.append(output.shape[2:]))
    assert small.activations(torch.empty(1, 1, 28, 28, device="meta")).shape == (1, 2048, 4, 4)
    assert middle == [(4, 4)]
