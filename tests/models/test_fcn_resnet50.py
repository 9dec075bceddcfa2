"""FCN-ResNet50 against the figures that come with its public checkpoint."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from models.fcn_resnet50 import FcnResNet50
from models.layer_table import layer_table, parameter_count


def on_meta() -> FcnResNet50:
    with torch.device("meta"):
        return FcnResNet50(num_classes=21, in_channels=3).eval()


def test_parameters_and_multiply_adds_are_the_published_ones() -> None:
    network = on_meta()
    assert sum(p.numel() for p in network.parameters()) == 35_322_218
    assert parameter_count(network) == 32_957_013
    table = layer_table(network, in_channels=3, input_px=(520, 520))
    # Published with the auxiliary head: 152.717; its two convolutions see maps of 65 x 65.
    auxiliary = 65 * 65 * (1024 * 9 + 21) * 256
    assert round((table.multiply_adds + auxiliary) / 1e9, 3) == 152.717


def test_the_last_two_stages_are_dilated_as_in_the_checkpoint_s_library() -> None:
    convolutions = {name: layer for name, layer in on_meta().named_modules() if name.endswith("conv2")}
    dilations = {name: layer.dilation[0] for name, layer in convolutions.items() if layer.dilation != (1, 1)}
    assert dilations == {
        **{f"backbone.layer3.{block}.conv2": 2 for block in range(1, 6)},
        "backbone.layer4.0.conv2": 2,
        "backbone.layer4.1.conv2": 4,
        "backbone.layer4.2.conv2": 4,
    }
    strided = [name for name, layer in convolutions.items() if layer.stride != (1, 1)]
    assert strided == ["backbone.layer2.0.conv2"]


def test_both_heads_answer_in_training_and_one_in_service() -> None:
    torch.manual_seed(5)
    network = FcnResNet50(num_classes=3, in_channels=1).eval()
    x = torch.randn(1, 1, 41, 60)
    coarse: list[Tensor] = []
    for name in network.auxiliary:
        network.get_submodule(name).register_forward_hook(lambda _module, _inputs, scores: coarse.append(scores))
    with torch.no_grad():
        logits = network(x)
        assert not coarse
        main, auxiliary = network.training_logits(x)
    assert torch.equal(main, logits)
    assert coarse[0].shape == (1, 3, 6, 8)
    assert torch.equal(auxiliary, F.interpolate(coarse[0], size=(41, 60), mode="bilinear"))
    assert (network.auxiliary_weight, network.auxiliary) == (0.5, ("aux_classifier",))
