"""Maps of networks with fully connected heads, made by hand, against torch's autograd."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from models import build_model
from models.classifier import Classifier


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network, the pictures it is tried with, and what is known of its maps."""

    name: str
    input_px: tuple[int, int]
    pooling: str
    """The layer whose input is the activations that the maps weigh."""
    map_px: tuple[int, int]
    options: dict[str, Any] = field(default_factory=dict)


LENET5 = Case(name="lenet5", input_px=(32, 32), pooling="s4", map_px=(10, 10))
MNIST_CNN = Case(name="mnist_cnn", input_px=(28, 28), pooling="pool2", map_px=(8, 8))
# Averaging repeats positions: of AlexNet's 2 x 1 to 6 x 6, of VGG's 2 x 1 to 7 x 7.
ALEXNET = Case(name="alexnet", input_px=(103, 90), pooling="features.12", map_px=(5, 4))
VGG16 = Case(name="vgg16", input_px=(67, 45), pooling="features.30", map_px=(4, 2))
# Nothing pools at the end, and the averages of 7 x 7 positions overlap to make 6 x 6.
SMALL_ALEXNET = Case(name="alexnet", input_px=(28, 32), pooling="features.12", map_px=(6, 7), options={"stem": "small"})
SMALL_VGG19 = Case(name="vgg19", input_px=(32, 32), pooling="features.36", map_px=(2, 2), options={"stem": "small"})
SMALL_VGG16_BN = Case(
    name="vgg16_bn", input_px=(64, 35), pooling="features.43", map_px=(4, 2), options={"stem": "small"}
)
TINY = (LENET5, MNIST_CNN)
ALL = (*TINY, ALEXNET, VGG16, SMALL_ALEXNET, SMALL_VGG19, SMALL_VGG16_BN)
EXPORTED = (*TINY, ALEXNET, SMALL_ALEXNET, SMALL_VGG16_BN)


def title(case: Case) -> str:
    return "-".join([case.name, *case.options.values()])


def classifier(case: Case, seed: int = 3) -> Classifier:
    torch.manual_seed(seed)
    model = build_model(case.name, num_classes=10, in_channels=1, **case.options)
    assert isinstance(model, Classifier)
    return model.eval()


def pictures(case: Case, count: int) -> Tensor:
    return torch.randn(count, 1, *case.input_px)


@pytest.fixture(scope="module", params=ALL, ids=title)
def network(request: pytest.FixtureRequest) -> tuple[Case, Classifier]:
    """Each network is built once for this file: drawing the first weights is most of a test's time."""
    return request.param, classifier(request.param)


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


def maps_by_autograd(case: Case, model: Classifier, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Grad-CAM and HiResCAM by their definitions."""
    with recorded_input(model.get_submodule(case.pooling)) as seen:
        logits = model(x)
    activations = seen[0]
    index = torch.where(target == -1, logits.argmax(dim=1), target)
    # No row's logits hang on another row's activations, so the gradient of the sum holds that of each row.
    (gradient,) = torch.autograd.grad(logits.gather(1, index[:, None]).sum(), activations)
    grad_cam = torch.relu((gradient.mean(dim=(2, 3), keepdim=True) * activations).sum(dim=1))
    return grad_cam.detach(), (gradient * activations).sum(dim=1).detach()


def assert_close_to_max(actual: Tensor, expected: Tensor, tolerance: float = 1e-4) -> None:
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    assert (actual - expected).abs().max() <= tolerance * expected.abs().max()


def assert_maps_are_those_of_autograd(
    case: Case, model: Classifier, x: Tensor, target: Tensor, tolerance: float = 1e-4
) -> None:
    grad_cam, hirescam = maps_by_autograd(case, model, x, target)
    with torch.no_grad():
        assert_close_to_max(model.forward_with_cam(x, target)[1], grad_cam, tolerance)
        assert_close_to_max(model.forward_with_hirescam(x, target)[1], hirescam, tolerance)


@pytest.mark.parametrize("count", [1, 3, 8])
def test_maps_are_those_of_autograd(network: tuple[Case, Classifier], count: int) -> None:
    case, model = network
    x, target = pictures(case, count), torch.arange(count) - 1
    with torch.no_grad():
        plain = model(x)
        for logits, cam in (model.forward_with_cam(x, target), model.forward_with_hirescam(x, target)):
            assert torch.equal(logits, plain)
            assert cam.shape == (count, *case.map_px)
            assert cam.dtype == torch.float32
    assert_maps_are_those_of_autograd(case, model, x, target)


@pytest.mark.parametrize(("case", "map_px"), [(ALEXNET, (13, 13)), (VGG16, (14, 14))], ids=["alexnet", "vgg16"])
def test_maps_have_the_sizes_known_of_pictures_of_224_pixels(case: Case, map_px: tuple[int, int]) -> None:
    case = replace(case, input_px=(224, 224))
    model, x = classifier(case), pictures(case, 1)
    with torch.no_grad():
        assert model.forward_with_cam(x, torch.tensor([-1]))[1].shape == (1, *map_px)
    assert_maps_are_those_of_autograd(case, model, x, torch.tensor([-1]))


@pytest.mark.parametrize("case", TINY, ids=title)
def test_every_class_can_be_explained(case: Case) -> None:
    model, x = classifier(case), pictures(case, 3)
    for index in range(-1, 10):
        assert_maps_are_those_of_autograd(case, model, x, torch.full((3,), index))


@pytest.mark.parametrize("case", [*TINY, SMALL_VGG19], ids=title)
def test_formulas_are_exact_in_double_precision(case: Case) -> None:
    for seed in range(4):
        model = classifier(case, seed).double()
        assert_maps_are_those_of_autograd(case, model, pictures(case, 4).double(), torch.arange(4) + seed, 1e-12)


def test_each_row_has_its_own_target_and_minus_one_is_its_top_class(network: tuple[Case, Classifier]) -> None:
    case, model = network
    x = pictures(case, 4)
    with torch.no_grad():
        top = model(x).argmax(dim=1)
        target = torch.tensor([-1, (int(top[1]) + 1) % 10, 0, -1])
        named = torch.where(target == -1, top, target)
        for maps in (model.forward_with_cam, model.forward_with_hirescam):
            assert torch.equal(maps(x, target)[1], maps(x, named)[1])
            assert not torch.equal(maps(x, target)[1][1], maps(x, top)[1][1])


def test_constant_pictures_with_their_ties_in_pooling_agree_with_autograd(network: tuple[Case, Classifier]) -> None:
    case, model = network
    x = torch.stack([torch.full((1, *case.input_px), value) for value in (0.0, 1.0, -0.4)])
    assert_maps_are_those_of_autograd(case, model, x, torch.tensor([2, 5, 9]))


@pytest.mark.parametrize("case", TINY, ids=title)
def test_maps_of_a_network_without_activity_are_zeros_not_nan(case: Case) -> None:
    model = classifier(case)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    for maps in (model.forward_with_cam, model.forward_with_hirescam):
        _, cam = maps(pictures(case, 2), torch.tensor([-1, 4]))
        assert torch.equal(cam, torch.zeros_like(cam))


@pytest.mark.parametrize("case", [MNIST_CNN, SMALL_ALEXNET, SMALL_VGG19], ids=title)
def test_dropout_plays_no_part_in_maps(case: Case) -> None:
    model, x, target = classifier(case), pictures(case, 2), torch.tensor([1, 2])
    with torch.no_grad():
        plain, resting = model(x), [model.forward_with_cam(x, target), model.forward_with_hirescam(x, target)]
        model.train()
        training = [model.forward_with_cam(x, target), model.forward_with_hirescam(x, target)]
        assert not torch.equal(model(x), plain)
    for (logits, cam), (other_logits, other_cam) in zip(resting, training, strict=True):
        assert torch.equal(logits, other_logits)
        assert torch.equal(cam, other_cam)


def test_networks_say_how_and_where_their_maps_are_made(network: tuple[Case, Classifier]) -> None:
    case, model = network
    assert model.cam_method == "grad-cam"
    outputs: list[Tensor] = []
    handle = model.get_submodule(model.cam_layer).register_forward_hook(lambda _m, _x, output: outputs.append(output))
    with recorded_input(model.get_submodule(case.pooling)) as seen, torch.no_grad():
        model(pictures(case, 1))
    handle.remove()
    if case in TINY:  # these layers' nonlinearities are no modules of their own
        assert outputs[0].shape == seen[0].shape
    else:
        assert torch.equal(outputs[0], seen[0])
    assert outputs[0].shape[2:] == case.map_px


@pytest.mark.parametrize("case", ALL, ids=title)
def test_heads_name_the_layers_that_hang_on_the_number_of_classes(case: Case) -> None:
    with torch.device("meta"):
        ten, twelve = (
            build_model(case.name, num_classes=classes, in_channels=1, **case.options) for classes in (10, 12)
        )
    assert isinstance(ten, Classifier)
    pairs = zip(ten.state_dict().items(), twelve.state_dict().items(), strict=True)
    differing = {name.rpartition(".")[0] for (name, one), (_, other) in pairs if one.shape != other.shape}
    assert differing == set(ten.heads)


class Explained(nn.Module):
    """All that is published of a classifier, in one graph, without its scaling of pixels."""

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, cam = self.network.forward_with_cam(image, target)
        return logits, cam, self.network.forward_with_hirescam(image, target)[1]


def exported(case: Case, model: Classifier) -> onnx.ModelProto:
    batch = {0: torch.export.Dim("batch")}
    program = torch.onnx.export(
        Explained(model).eval(),
        (pictures(case, 2), torch.tensor([-1, 3])),
        input_names=["image", "target"],
        output_names=["logits", "cam", "hirescam"],
        dynamic_shapes=(batch, batch),
        opset_version=20,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    return program.model_proto


# Said inside torch's exporter, about its own code and about two inputs that share their batch axis.
@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning", "ignore:.*The axis name:UserWarning")
@pytest.mark.parametrize("case", EXPORTED, ids=title)
def test_exported_graphs_give_the_same_logits_and_maps(case: Case) -> None:
    model = classifier(case)
    graph = exported(case, model)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    for count in (1, 3, 8):
        x, target = pictures(case, count), torch.arange(count) - 1
        outputs = session.run(["logits", "cam", "hirescam"], {"image": x.numpy(), "target": target.numpy()})
        with torch.no_grad():
            expected = (*model.forward_with_cam(x, target), model.forward_with_hirescam(x, target)[1])
        for output, wanted in zip(outputs, expected, strict=True):
            assert_close_to_max(torch.from_numpy(output), wanted)
    if case is LENET5:
        constants = {constant.name: tuple(constant.dims) for constant in graph.graph.initializer}
        kernels = [constants.get(node.input[1]) for node in graph.graph.node if node.op_type == "Conv"]
        assert (16, 6, 5, 5) in kernels, "the table of C3 should be folded into one constant kernel"
