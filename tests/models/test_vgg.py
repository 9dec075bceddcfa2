from collections.abc import Callable

import pytest
import torch
from torch import nn

from models.layer_table import layer_table
from models.vgg import Vgg, vgg16, vgg16_bn, vgg19, vgg19_bn

# Of the public checkpoints: the convolutions' places among the features, parameters, 10^9 multiply-adds.
CONVOLUTIONS_16 = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
CONVOLUTIONS_19 = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
CONVOLUTIONS_16_BN = [0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40]
CONVOLUTIONS_19_BN = [0, 3, 7, 10, 14, 17, 20, 23, 27, 30, 33, 36, 40, 43, 46, 49]

networks = pytest.mark.parametrize(
    ("builder", "convolutions", "parameters", "multiply_adds"),
    [
        (vgg16, CONVOLUTIONS_16, 138_357_544, 15.47),
        (vgg19, CONVOLUTIONS_19, 143_667_240, 19.63),
        (vgg16_bn, CONVOLUTIONS_16_BN, 138_365_992, 15.47),
        (vgg19_bn, CONVOLUTIONS_19_BN, 143_678_248, 19.63),
    ],
)


def on_meta(builder: Callable[..., Vgg], **options: str) -> Vgg:
    with torch.device("meta"):
        return builder(num_classes=1000, in_channels=3, **options)


@networks
def test_layers_are_those_of_the_public_checkpoint(
    builder: Callable[..., Vgg], convolutions: list[int], parameters: int, multiply_adds: float
) -> None:
    model = on_meta(builder)
    kinds = dict(model.features.named_children())
    assert [int(index) for index, layer in kinds.items() if isinstance(layer, nn.Conv2d)] == convolutions
    normalised = [int(index) for index, layer in kinds.items() if isinstance(layer, nn.BatchNorm2d)]
    assert normalised == ([index + 1 for index in convolutions] if builder in (vgg16_bn, vgg19_bn) else [])
    heads = {name: tuple(layer.weight.shape) for name, layer in model.named_modules() if isinstance(layer, nn.Linear)}
    assert heads == {"classifier.0": (4096, 25088), "classifier.3": (4096, 4096), "classifier.6": (1000, 4096)}
    assert sum(p.numel() for p in model.parameters()) == parameters
    table = layer_table(model, in_channels=3, input_px=(224, 224))
    assert round(table.multiply_adds / 1e9, 2) == multiply_adds


@networks
def test_maps_come_from_the_last_relu(
    builder: Callable[..., Vgg], convolutions: list[int], parameters: int, multiply_adds: float
) -> None:
    model = on_meta(builder)
    assert isinstance(model.get_submodule(model.cam_layer), nn.ReLU)
    outputs: list[torch.Tensor] = []
    model.get_submodule(model.cam_layer).register_forward_hook(lambda _m, _x, output: outputs.append(output))
    model(torch.empty(1, 3, 224, 224, device="meta"))
    assert outputs[0].shape == (1, 512, 14, 14)


def test_the_small_stem_keeps_the_convolutions_and_has_a_small_head() -> None:
    usual, small = (dict(on_meta(vgg16, stem=stem).state_dict()) for stem in ("imagenet", "small"))
    assert usual.keys() == small.keys()
    differing = {name: tuple(small[name].shape) for name in usual if usual[name].shape != small[name].shape}
    assert differing == {
        "classifier.0.weight": (512, 512),
        "classifier.0.bias": (512,),
        "classifier.3.weight": (512, 512),
        "classifier.3.bias": (512,),
        "classifier.6.weight": (1000, 512),
    }


def test_the_head_sees_the_average_where_more_than_one_position_is_left() -> None:
    torch.manual_seed(5)
    model = vgg16_bn(num_classes=10, in_channels=1, stem="small").eval()
    x = torch.randn(2, 1, 67, 96)
    with torch.no_grad():
        features = model.features(x)
        assert features.shape == (2, 512, 2, 3)
        torch.testing.assert_close(model(x), model.classifier(features.mean(dim=(2, 3))))


def test_pictures_of_less_than_32_pixels_are_refused() -> None:
    with pytest.raises(RuntimeError, match="too small"):
        on_meta(vgg16, stem="small")(torch.empty(1, 3, 31, 32, device="meta"))
