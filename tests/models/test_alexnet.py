import torch
from torch.nn import functional as F  # noqa: N812

from models.alexnet import AlexNet
from models.layer_table import layer_table

# Names and shapes of the public checkpoint.
CHECKPOINT = {
    "features.0.weight": (64, 3, 11, 11),
    "features.0.bias": (64,),
    "features.3.weight": (192, 64, 5, 5),
    "features.3.bias": (192,),
    "features.6.weight": (384, 192, 3, 3),
    "features.6.bias": (384,),
    "features.8.weight": (256, 384, 3, 3),
    "features.8.bias": (256,),
    "features.10.weight": (256, 256, 3, 3),
    "features.10.bias": (256,),
    "classifier.1.weight": (4096, 9216),
    "classifier.1.bias": (4096,),
    "classifier.4.weight": (4096, 4096),
    "classifier.4.bias": (4096,),
    "classifier.6.weight": (1000, 4096),
    "classifier.6.bias": (1000,),
}


def on_meta(**options: str) -> AlexNet:
    with torch.device("meta"):
        return AlexNet(num_classes=1000, in_channels=3, **options)  # type: ignore[arg-type]


def test_parameters_are_those_of_the_public_checkpoint() -> None:
    model = on_meta()
    assert {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()} == CHECKPOINT
    assert sum(p.numel() for p in model.parameters()) == 61_100_840


def test_the_small_stem_changes_the_first_convolution_alone() -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in on_meta(stem="small").state_dict().items()}
    assert shapes == CHECKPOINT | {"features.0.weight": (64, 3, 3, 3)}


def test_maps_have_the_sizes_known_of_the_network() -> None:
    table = layer_table(on_meta(), in_channels=3, input_px=(224, 224))
    sizes = {row.layer: row.output_shape for row in table.rows}
    assert sizes["features.0"] == (64, 55, 55)
    assert sizes["features.5"] == (192, 13, 13)
    assert sizes["features.12"] == (256, 6, 6)
    assert table.multiply_adds == 714_188_480


def test_the_small_stem_leaves_six_positions_of_28_pixels() -> None:
    sizes = {
        row.layer: row.output_shape for row in layer_table(on_meta(stem="small"), in_channels=3, input_px=(28, 28)).rows
    }
    assert [sizes[f"features.{index}"][1:] for index in (0, 2, 5, 10)] == [(28, 28), (13, 13), (6, 6), (6, 6)]


def test_network_equals_its_layers_written_out_at_any_size() -> None:
    torch.manual_seed(5)
    model = AlexNet(num_classes=10, in_channels=1).eval()
    weights = dict(model.named_parameters())

    def layer(name: str) -> tuple[torch.Tensor, torch.Tensor]:
        return weights[f"{name}.weight"], weights[f"{name}.bias"]

    for size in ((63, 63), (70, 131), (224, 224)):
        x = torch.randn(2, 1, *size)
        with torch.no_grad():
            states = F.max_pool2d(F.conv2d(x, *layer("features.0"), stride=4, padding=2).relu(), 3, 2)
            states = F.max_pool2d(F.conv2d(states, *layer("features.3"), padding=2).relu(), 3, 2)
            for name in ("features.6", "features.8", "features.10"):
                states = F.conv2d(states, *layer(name), padding=1).relu()
            states = F.adaptive_avg_pool2d(F.max_pool2d(states, 3, 2), 6).flatten(1)
            for name in ("classifier.1", "classifier.4"):
                states = F.linear(states, *layer(name)).relu()
            torch.testing.assert_close(model(x), F.linear(states, *layer("classifier.6")))
