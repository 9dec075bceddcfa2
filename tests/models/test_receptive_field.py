"""The table's receptive fields against what gradients really reach, and against published figures."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from models.layer_table import layer_table


class Residual(nn.Module):
    """A block whose main path is wider than its shortcut; both may have a stride."""

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, stride=stride, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.shortcut = nn.Conv2d(channels, channels, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(self.second(self.first(x)), self.shortcut(x))


class Branches(nn.Module):
    """Several windows side by side, concatenated."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Hourglass(nn.Module):
    """Down, up again, and joined with what went past, as in a U-Net."""

    def __init__(self, up: nn.Module) -> None:
        super().__init__()
        self.wide = nn.Conv2d(1, 1, 3, padding=1)
        self.pool = nn.AvgPool2d(2)
        self.deep = nn.Conv2d(1, 1, 3, padding=1)
        self.up = up
        self.last = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        past = self.wide(x)
        joined: Tensor = self.last(torch.cat([past, self.up(self.deep(self.pool(past)))], dim=1))
        return joined


class Functional(nn.Module):
    """Windows that no module of their own slides."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, dilation=2)

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(F.relu(self.conv(F.pad(x, (1, 1, 1, 1)))), 3, stride=2)
        return F.interpolate(x, scale_factor=2, mode="bilinear")[:, :, 1:-1, 1:-1]


def reached_by_gradients(model: nn.Module, input_px: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the largest patch of the picture that any of the middle positions depends on."""
    for parameter in model.parameters():
        nn.init.ones_(parameter)
    x = torch.ones(1, 1, *input_px, dtype=torch.float64, requires_grad=True)
    maps = model.double()(x).sum(dim=(0, 1))
    # Four by four of them hold every phase of maps that grew twice.
    top, left = ((size - 4) // 2 for size in maps.shape)
    height = width = 0
    for value in maps[max(top, 0) : top + 4, max(left, 0) : left + 4].flatten():
        (gradient,) = torch.autograd.grad(value, x, retain_graph=True)
        rows, columns = gradient[0, 0].nonzero(as_tuple=True)
        height = max(height, int(rows.max() - rows.min()) + 1)
        width = max(width, int(columns.max() - columns.min()) + 1)
    return height, width


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(nn.Sequential(nn.Conv2d(1, 2, (3, 5)), nn.Conv2d(2, 1, 3, stride=2)), id="plain"),
        pytest.param(nn.Sequential(Residual(1), Residual(1, stride=2), Residual(1)), id="residual"),
        pytest.param(
            nn.Sequential(
                Branches(
                    nn.Conv2d(1, 2, 1),
                    nn.Sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 1, 5, padding=2)),
                    nn.AvgPool2d(3, stride=1, padding=1),
                ),
                nn.Conv2d(4, 1, 3, stride=2),
                nn.Conv2d(1, 1, 3),
            ),
            id="branches",
        ),
        pytest.param(nn.Sequential(nn.Conv2d(1, 1, 3, dilation=3), nn.Conv2d(1, 1, 2)), id="dilated"),
        pytest.param(Hourglass(nn.ConvTranspose2d(1, 1, 2, stride=2)), id="transposed"),
        pytest.param(Hourglass(nn.ConvTranspose2d(1, 1, 4, stride=2, padding=1)), id="overlapping transposed"),
        pytest.param(Hourglass(nn.Upsample(scale_factor=2)), id="nearest"),
        pytest.param(Functional(), id="functional"),
        pytest.param(nn.Sequential(nn.Conv2d(1, 1, 3), nn.AdaptiveAvgPool2d((5, 6))), id="adaptive"),
    ],
)
def test_fields_are_as_wide_as_gradients_reach(model: nn.Module) -> None:
    said = layer_table(model, in_channels=1, input_px=(32, 32)).receptive_field_px
    reached = reached_by_gradients(model, (32, 32))
    assert max(reached) < 32, "the picture must be wider than the field"
    assert said == reached


def test_vgg16_sees_212_pixels_after_its_last_pooling() -> None:
    # Araujo, Norris, Sim 2019, table of receptive fields: VGG-16, 212.
    layers: list[nn.Module] = []
    for convolutions in (2, 2, 3, 3, 3):
        layers += [nn.LazyConv2d(4, 3, padding=1) for _ in range(convolutions)] + [nn.MaxPool2d(2)]
    model = nn.Sequential(*layers)
    model(torch.zeros(1, 3, 32, 32))
    assert layer_table(model, in_channels=3, input_px=(224, 224)).receptive_field_px == (212, 212)


def test_resnet50_sees_483_pixels_before_its_pooling() -> None:
    # The same table: ResNet-50, 483, whose stride stands in the last unit of a stage, as in TensorFlow's.
    def unit(stride: int) -> nn.Module:
        middle = nn.Conv2d(2, 2, 3, stride=stride, padding=1)
        main = nn.Sequential(nn.Conv2d(2, 2, 1), middle, nn.Conv2d(2, 2, 1))
        return Sum(main, nn.MaxPool2d(1, stride))

    stages = [[1, 1, 2], [1, 1, 1, 2], [1, 1, 1, 1, 1, 2], [1, 1, 1]]
    stem = [nn.Conv2d(3, 2, 7, stride=2, padding=3), nn.MaxPool2d(3, stride=2, padding=1)]
    model = nn.Sequential(*stem, *(unit(stride) for stage in stages for stride in stage))
    assert layer_table(model, in_channels=3, input_px=(224, 224)).receptive_field_px == (483, 483)


class Sum(nn.Module):
    """The sum of two branches."""

    def __init__(self, one: nn.Module, other: nn.Module) -> None:
        super().__init__()
        self.one = one
        self.other = other

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(self.one(x), self.other(x))


@pytest.mark.parametrize(
    "last",
    [
        nn.Sequential(nn.Flatten(), nn.Linear(64, 2)),
        nn.AdaptiveAvgPool2d(1),
        nn.AdaptiveMaxPool2d(1),
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Upsample(size=8, mode="bilinear")),
    ],
)
def test_global_layers_see_the_whole_picture(last: nn.Module) -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), last)
    rows = layer_table(model, in_channels=1, input_px=(8, 8)).rows
    assert [row.receptive_field_px for row in rows[:2]] == [(3, 3), None]
    assert rows[-1].receptive_field_px is None


def test_a_mean_over_positions_sees_all_and_one_over_channels_does_not() -> None:
    class Means(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.Conv2d(2, 2, 1)
            self.other = nn.Conv2d(2, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            x = self.one(x - x.mean(dim=1, keepdim=True))
            gated: Tensor = self.other(x * x.mean(dim=(2, 3), keepdim=True))
            return gated

    rows = layer_table(Means(), in_channels=2, input_px=(8, 8)).rows
    fields = {row.layer: row.receptive_field_px for row in rows}
    assert fields["one"] == (1, 1)
    assert fields["other"] is None


def test_normalisation_across_channels_keeps_the_field() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True), nn.LocalResponseNorm(5), nn.Conv2d(8, 2, 1))
    rows = layer_table(model.eval(), in_channels=3, input_px=(9, 9)).rows
    assert rows[-1].receptive_field_px == (3, 3)
