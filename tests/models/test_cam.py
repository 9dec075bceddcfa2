from collections.abc import Iterator
from contextlib import contextmanager

import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from models import MODELS, build_model
from models.classifier import Classifier

# The layer whose input is the activations that Grad-CAM weighs: the pooling after the last convolution.
POOLING_AFTER = {"lenet5": "s4", "mnist_cnn": "pool2"}
MAP_PX = {"lenet5": 10, "mnist_cnn": 8}

networks = pytest.mark.parametrize("name", POOLING_AFTER)


def classifier(name: str, seed: int = 3) -> Classifier:
    torch.manual_seed(seed)
    model = build_model(name, num_classes=10, in_channels=1)
    assert isinstance(model, Classifier)
    return model.eval()


def pictures(name: str, count: int) -> Tensor:
    return torch.randn(count, 1, *MODELS[name].input_px)


@contextmanager
def recorded_input(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Put a leaf with a gradient in the place of the layer's input, and give it out."""
    seen: list[Tensor] = []

    def replace(_: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        seen.append(inputs[0].detach().requires_grad_())
        return (seen[-1],)

    handle = layer.register_forward_pre_hook(replace)
    try:
        yield seen
    finally:
        handle.remove()


def grad_cam_by_autograd(name: str, model: Classifier, x: Tensor, target: Tensor) -> Tensor:
    maps = []
    for row, wanted in zip(x, target.tolist(), strict=True):
        with recorded_input(model.get_submodule(POOLING_AFTER[name])) as seen:
            logits = model(row[None])[0]
        activations = seen[0]
        index = int(logits.argmax()) if wanted == -1 else wanted
        (gradient,) = torch.autograd.grad(logits[index], activations)
        maps.append(torch.relu((gradient.mean(dim=(2, 3), keepdim=True) * activations).sum(dim=1))[0])
    return torch.stack(maps).detach()


def assert_close_to_max(actual: Tensor, expected: Tensor, tolerance: float = 1e-4) -> None:
    assert actual.shape == expected.shape
    assert (actual - expected).abs().max() <= tolerance * expected.abs().max()


@networks
@pytest.mark.parametrize("count", [1, 3, 8])
def test_maps_are_those_of_autograd_for_every_class(name: str, count: int) -> None:
    model, x = classifier(name), pictures(name, count)
    for index in range(-1, 10):
        target = torch.full((count,), index)
        logits, cam = model.forward_with_cam(x, target)
        assert cam.shape == (count, MAP_PX[name], MAP_PX[name])
        assert cam.dtype == torch.float32
        assert cam.min() >= 0
        assert torch.equal(logits, model(x))
        assert_close_to_max(cam.detach(), grad_cam_by_autograd(name, model, x, target))


@networks
@pytest.mark.parametrize("seed", range(4))
def test_formulas_are_exact_in_double_precision(name: str, seed: int) -> None:
    model = classifier(name, seed).double()
    x = pictures(name, 10).double()
    _, cam = model.forward_with_cam(x, torch.arange(10))
    expected = grad_cam_by_autograd(name, model, x, torch.arange(10))
    assert expected.max() > 0
    assert_close_to_max(cam.detach(), expected, tolerance=1e-12)


@networks
def test_each_row_has_its_own_target_and_minus_one_is_its_top_class(name: str) -> None:
    model, x = classifier(name), pictures(name, 4)
    target = torch.tensor([-1, 7, 0, -1])
    _, cam = model.forward_with_cam(x, target)
    assert_close_to_max(cam.detach(), grad_cam_by_autograd(name, model, x, target))
    top = model(x).argmax(dim=1)
    _, named = model.forward_with_cam(x, torch.tensor([int(top[0]), 7, 0, int(top[3])]))
    assert torch.equal(cam, named)


@networks
def test_constant_pictures_with_their_ties_in_pooling_agree_with_autograd(name: str) -> None:
    model = classifier(name)
    x = torch.stack([torch.full_like(pictures(name, 1)[0], value) for value in (0.0, 1.0, -0.4)])
    for index in range(10):
        target = torch.full((3,), index)
        _, cam = model.forward_with_cam(x, target)
        assert_close_to_max(cam.detach(), grad_cam_by_autograd(name, model, x, target))


@networks
def test_maps_of_a_network_without_activity_are_zeros_not_nan(name: str) -> None:
    model = classifier(name)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    _, cam = model.forward_with_cam(pictures(name, 2), torch.tensor([-1, 4]))
    assert torch.equal(cam, torch.zeros_like(cam))


@networks
def test_dropout_plays_no_part_in_maps(name: str) -> None:
    model, x = classifier(name), pictures(name, 2)
    resting = model.forward_with_cam(x, torch.tensor([1, 2]))
    training = model.train().forward_with_cam(x, torch.tensor([1, 2]))
    assert torch.equal(resting[0], training[0])
    assert torch.equal(resting[1], training[1])


@networks
def test_networks_say_how_and_where_their_maps_are_made(name: str) -> None:
    model = classifier(name)
    assert model.cam_method == "grad-cam"
    outputs: list[Tensor] = []
    layer = model.get_submodule(model.cam_layer)
    layer.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    model(pictures(name, 1))
    assert outputs[0].shape[2:] == (MAP_PX[name], MAP_PX[name])


class Explained(nn.Module):
    """The two-output graph that is published, without its scaling of pixels."""

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.forward_with_cam(image, target)


def exported(name: str, model: Classifier) -> onnx.ModelProto:
    batch = {0: torch.export.Dim("batch")}
    program = torch.onnx.export(
        Explained(model).eval(),
        (pictures(name, 2), torch.tensor([-1, 3])),
        input_names=["image", "target"],
        output_names=["logits", "cam"],
        dynamic_shapes=(batch, batch),
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    return program.model_proto


# Said inside torch's exporter, about its own code and about two inputs that share their batch axis.
@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning", "ignore:.*The axis name:UserWarning")
@networks
def test_exported_graphs_give_the_same_logits_and_maps(name: str) -> None:
    model = classifier(name)
    graph = exported(name, model)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    for count in (1, 3, 8):
        x, target = pictures(name, count), torch.arange(count) - 1
        outputs = session.run(["logits", "cam"], {"image": x.numpy(), "target": target.numpy()})
        logits, cam = model.forward_with_cam(x, target)
        assert_close_to_max(torch.from_numpy(outputs[0]), logits.detach())
        assert_close_to_max(torch.from_numpy(outputs[1]), cam.detach())
    if name == "lenet5":
        constants = {constant.name: tuple(constant.dims) for constant in graph.graph.initializer}
        kernels = [constants.get(node.input[1]) for node in graph.graph.node if node.op_type == "Conv"]
        assert (16, 6, 5, 5) in kernels, "the table of C3 should be folded into one constant kernel"
