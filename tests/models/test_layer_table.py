from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from models import MODELS, build_model
from models.layer_table import LayerTable, layer_table, parameter_count, render


def table_of(name: str) -> LayerTable:
    """The table for ten classes and gray pictures."""
    with torch.device("meta"):
        model = build_model(name, num_classes=10, in_channels=1)
    return layer_table(model, in_channels=1, input_px=MODELS[name].input_px)


def test_lenet5_is_counted_as_by_hand() -> None:
    table = table_of("lenet5")
    by_hand = {
        # output shape, parameters, multiply-adds, receptive field
        "c1": ((6, 28, 28), 156, 28 * 28 * 6 * 25, (5, 5)),
        "s2": ((6, 14, 14), 12, 14 * 14 * 6, (6, 6)),
        "c3": ((16, 10, 10), 1_516, 10 * 10 * 60 * 25, (14, 14)),
        "s4": ((16, 5, 5), 32, 5 * 5 * 16, (16, 16)),
        "c5": ((120, 1, 1), 48_120, 120 * 400, (32, 32)),
        "f6": ((84,), 10_164, 84 * 120, None),
        "output": ((10,), 0, 10 * 84, None),
    }
    rows = {
        row.layer: (row.output_shape, row.parameters, row.multiply_adds, row.receptive_field_px) for row in table.rows
    }
    assert rows == by_hand
    assert (table.parameters, table.multiply_adds) == (60_000, 328_096)


def test_mnist_cnn_is_counted_as_by_hand() -> None:
    table = table_of("mnist_cnn")
    by_hand = [
        ("conv1", "Conv2d 5x5", (32, 24, 24), 832, 24 * 24 * 32 * 25, (5, 5)),
        ("pool1", "MaxPool2d 2x2/2", (32, 12, 12), 0, 0, (6, 6)),
        ("conv2", "Conv2d 5x5", (64, 8, 8), 51_264, 8 * 8 * 64 * 32 * 25, (14, 14)),
        ("pool2", "MaxPool2d 2x2/2", (64, 4, 4), 0, 0, (16, 16)),
        ("fc1", "Linear", (64,), 65_600, 64 * 1024, None),
        ("fc2", "Linear", (10,), 650, 10 * 64, None),
    ]
    rows = [(r.layer, r.kind, r.output_shape, r.parameters, r.multiply_adds, r.receptive_field_px) for r in table.rows]
    assert rows == by_hand
    assert (table.parameters, table.multiply_adds) == (118_346, 3_803_776)


# Parameters in millions and multiply-adds in thousand millions, as torchvision and timm publish them for their files;
# torchvision's parameters of GoogLeNet are without its auxiliary classifiers, the paper's own multiply-adds 1.5.
PUBLISHED = {
    "alexnet": (61.1, 0.71),
    "vgg16": (138.4, 15.47),
    "resnet18": (11.7, 1.81),
    "resnet50": (25.6, 4.09),
    "densenet121": (8.0, 2.83),
    "densenet201": (20.0, 4.29),
    "googlenet": (6.6, 1.50),
    "xception": (22.86, 8.36),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_the_published_ones(name: str) -> None:
    with torch.device("meta"):
        model = build_model(name, num_classes=1000, in_channels=3)
    table = layer_table(model, in_channels=3, input_px=MODELS[name].input_px)
    parameters, multiply_adds = PUBLISHED[name]
    assert table.parameters / 1e6 == pytest.approx(parameters, abs=0.05)
    assert table.multiply_adds / 1e9 == pytest.approx(multiply_adds, abs=0.005)


def test_classifiers_that_only_training_uses_are_not_counted() -> None:
    with torch.device("meta"):
        model = build_model("googlenet", num_classes=10, in_channels=1, stem="small")
    unused = sum(p.numel() for name in ("aux1", "aux2") for p in model.get_submodule(name).parameters())
    everything = sum(p.numel() for p in model.parameters())
    assert unused > 0
    assert parameter_count(model) == everything - unused
    assert not any("aux" in row.layer for row in layer_table(model, in_channels=1, input_px=(28, 28)).rows)


@pytest.mark.parametrize("name", MODELS)
def test_rows_add_up_to_the_totals(name: str) -> None:
    table = table_of(name)
    assert sum(row.parameters for row in table.rows) == table.parameters
    assert sum(row.multiply_adds for row in table.rows) == table.multiply_adds


def test_groups_and_transposed_convolutions_are_counted_by_their_weights() -> None:
    model = nn.Sequential(nn.Conv2d(4, 8, 3, groups=4, padding=1), nn.ConvTranspose2d(8, 3, 2, stride=2))
    rows = layer_table(model, in_channels=4, input_px=(5, 6)).rows
    assert [row.multiply_adds for row in rows] == [30 * 8 * 9, 30 * 8 * 3 * 4]
    assert [row.output_shape for row in rows] == [(8, 5, 6), (3, 10, 12)]


def test_bare_functions_get_rows_named_after_who_calls_them() -> None:
    class Caller(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 3, 1)

        def forward(self, x: Tensor) -> Tensor:
            features: Tensor = nn.functional.max_pool2d(self.conv(x), 2).flatten(1)
            return features @ features.T

    rows = layer_table(nn.Sequential(Caller()), in_channels=2, input_px=(4, 4)).rows
    assert [row.layer for row in rows] == ["0.conv", "(0)", "(0)"]
    assert [row.kind for row in rows] == ["Conv2d 1x1", "max_pool2d_with_indices 2x2/2", "mm"]
    assert rows[-1].multiply_adds == 12


def test_a_module_that_counts_itself_is_one_row_with_its_children() -> None:
    class Sparse(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Conv2d(1, 1, 3)

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(self.inner(x))

        def multiply_adds(self, output_shape: Sequence[int]) -> int:
            return 7 * output_shape[2]

    (row,) = layer_table(nn.Sequential(Sparse()), in_channels=1, input_px=(8, 9)).rows
    assert (row.layer, row.kind, row.parameters, row.multiply_adds) == ("0", "Sparse 3x3", 10, 42)
    assert row.receptive_field_px == (3, 3)


def test_parameters_count_once_when_a_layer_runs_twice_and_not_when_frozen() -> None:
    twice, frozen = nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 1).requires_grad_(False)
    table = layer_table(nn.Sequential(twice, twice, frozen), in_channels=1, input_px=(8, 8))
    assert [row.parameters for row in table.rows] == [10, 0, 0]
    assert [row.multiply_adds for row in table.rows] == [36 * 9, 16 * 9, 16]
    assert table.parameters == 10
    assert twice.weight.device.type == "cpu"


def test_the_network_stays_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2).eval(), nn.Dropout()).train()
    model[1].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    layer_table(model, in_channels=1, input_px=(8, 8))
    assert [module.training for module in model] == [True, False, True]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_a_picture_that_does_not_fit_is_an_error_and_leaves_no_hooks() -> None:
    model = build_model("lenet5", num_classes=10, in_channels=1)
    with pytest.raises(RuntimeError):
        layer_table(model, in_channels=1, input_px=(40, 40))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_the_text_is_aligned_and_ends_with_the_totals() -> None:
    lines = render(table_of("lenet5")).splitlines()
    assert lines[0].split() == ["layer", "kind", "output", "parameters", "multiply-adds", "receptive", "field"]
    assert lines[3].split() == ["c3", "TableConv2d", "5x5", "16x10x10", "1,516", "150,000", "14x14"]
    assert lines[-1].split() == ["total", "60,000", "328,096", "all"]
    ends = [line.index(count) + len(count) for line, count in zip(lines[1:4], ("156", "12", "1,516"), strict=True)]
    assert len(set(ends)) == 1
