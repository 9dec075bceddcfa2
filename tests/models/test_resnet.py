import pytest
import torch
from torch import nn

from models import build_model
from models.resnet import ResNet, Subsampled


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("resnet18", 11_689_512),
        ("resnet34", 21_797_672),
        ("resnet50", 25_557_032),
        ("resnet101", 44_549_160),
        ("resnet152", 60_192_808),
    ],
)
def test_networks_are_as_deep_as_their_names_say(name: str, parameters: int) -> None:
    with torch.device("meta"):
        model = build_model(name, num_classes=1000, in_channels=3)
        assert isinstance(model, ResNet)
        maps = model.activations(torch.empty(1, 3, 224, 224))
    weighing = {key for key, module in model.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)}
    assert sum("downsample" not in key for key in weighing) == int(name.removeprefix("resnet"))
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert maps.shape == (1, model.fc.in_features, 7, 7)


def test_the_network_for_small_pictures_has_20_layers_and_shortcuts_without_weights() -> None:
    model = build_model("resnet20", num_classes=10, in_channels=3)
    weighing = [key for key, module in model.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert len(weighing) == 20
    assert sum(p.numel() for p in model.parameters()) == 269_722


def test_a_subsampled_shortcut_keeps_every_second_position_and_fills_with_zeros() -> None:
    x = torch.arange(2.0 * 3 * 4 * 6).reshape(2, 3, 4, 6)
    out = Subsampled(3, 5, stride=2)(x)
    assert out.shape == (2, 5, 2, 3)
    assert torch.equal(out[:, :3], x[:, :, [0, 2]][..., [0, 2, 4]])
    assert not out[:, 3:].any()


def test_blocks_subsample_in_the_3x3_convolution_as_the_public_checkpoints_do() -> None:
    with torch.device("meta"):
        model = build_model("resnet50", num_classes=10, in_channels=3)
    assert [model.get_submodule(f"layer{n}.0.conv1").stride for n in (2, 3, 4)] == [(1, 1)] * 3
    assert [model.get_submodule(f"layer{n}.0.conv2").stride for n in (2, 3, 4)] == [(2, 2)] * 3


def test_the_small_stem_keeps_the_resolution() -> None:
    with torch.device("meta"):
        model = build_model("resnet18", num_classes=10, in_channels=1, stem="small")
        assert isinstance(model, ResNet)
        assert model.activations(torch.empty(1, 1, 32, 32)).shape == (1, 512, 4, 4)
    assert model.conv1.weight.shape == (64, 1, 3, 3)
