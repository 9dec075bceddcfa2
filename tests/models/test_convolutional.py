import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from models import build_model
from models.convolutional import Convolutionalisable, ScoreMaps, convolutionalised

# Network, its stem, the size it is trained at, and pixels between windows.
FORMS = {
    "lenet5": ("lenet5", {}, 32, 4),
    "mnist_cnn": ("mnist_cnn", {}, 28, 4),
    "alexnet": ("alexnet", {}, 224, 32),
    "alexnet-small": ("alexnet", {"stem": "small"}, 28, 4),
    "vgg16": ("vgg16", {}, 224, 32),
    "vgg19_bn": ("vgg19_bn", {}, 224, 32),
    "vgg16_bn-small": ("vgg16_bn", {"stem": "small"}, 32, 32),
}


def built(form: str) -> nn.Module:
    name, options, _, _ = FORMS[form]
    torch.manual_seed(5)
    return build_model(name, num_classes=10, in_channels=1, **options).eval()


def on_meta(form: str) -> ScoreMaps:
    with torch.device("meta"):
        return convolutionalised(built(form), (FORMS[form][2],) * 2)


@pytest.mark.parametrize("form", ["lenet5", "mnist_cnn", "alexnet", "alexnet-small", "vgg16", "vgg16_bn-small"])
def test_at_the_native_size_every_pixel_has_the_logits_of_the_network(form: str) -> None:
    network, native = built(form), FORMS[form][2]
    maps = convolutionalised(network, (native, native))
    assert not maps.training
    x = torch.randn(1 if form == "vgg16" else 3, 1, native, native)
    with torch.no_grad():
        logits, by_pixel = network(x), maps(x)
    assert by_pixel.shape == (len(x), 10, native, native)
    assert (by_pixel - logits[:, :, None, None]).abs().max() <= 1e-5 * max(1, logits.abs().max())


@pytest.mark.parametrize("form", FORMS)
def test_weights_are_the_networks_own_and_as_many(form: str) -> None:
    with torch.device("meta"):
        network = built(form)
        maps = convolutionalised(network, (FORMS[form][2],) * 2)
    counts = [sum(p.numel() for p in module.parameters()) for module in (network, maps)]
    assert counts[0] == counts[1]
    assert not any(isinstance(module, nn.Linear) for module in maps.modules())


def test_weights_are_not_copied() -> None:
    network = built("alexnet-small")
    maps = convolutionalised(network, (28, 28))
    addresses = [sorted(p.data_ptr() for p in module.parameters()) for module in (network, maps)]
    assert addresses[0] == addresses[1]


@pytest.mark.parametrize("form", ["alexnet", "vgg16", "vgg19_bn"])
def test_a_picture_of_448_pixels_has_eight_by_eight_windows(form: str) -> None:
    scores = on_meta(form).scores(torch.empty(2, 1, 448, 448, device="meta"))
    assert scores.shape == (2, 10, 8, 8)


@pytest.mark.parametrize("form", FORMS)
def test_a_second_window_comes_with_the_stride_and_not_sooner(form: str) -> None:
    _, _, native, stride_px = FORMS[form]
    maps = on_meta(form)
    assert maps.two_windows_px() == (native + stride_px, native + stride_px)
    # The strides of AlexNet leave the last pixel of a window over, so its second window fits one pixel sooner.
    spare = 2 if "alexnet" in form else 1
    for height, width, windows in ((stride_px, 0, (2, 1)), (stride_px - spare, stride_px, (1, 2))):
        picture = torch.empty(1, 1, native + height, native + width, device="meta")
        assert maps.scores(picture).shape[2:] == windows


@pytest.mark.parametrize("form", ["lenet5", "mnist_cnn"])
def test_without_padding_each_score_is_that_of_the_window_cut_out(form: str) -> None:
    network, native = built(form), FORMS[form][2]
    x = torch.randn(2, 1, native + 10, native + 5)
    with torch.no_grad():
        scores = convolutionalised(network, (native, native)).scores(x)
        assert scores.shape[2:] == (3, 2)
        for row in range(3):
            for column in range(2):
                window = x[:, :, 4 * row : 4 * row + native, 4 * column : 4 * column + native]
                torch.testing.assert_close(scores[:, :, row, column], network(window), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [(6, 6), (7, 13), (16, 6), (29, 31)])
def test_scores_lie_where_their_windows_lie(size: tuple[int, int]) -> None:
    """The mean of a window of a ramp is the ramp at the window's centre, and bilinear between two is exact."""
    maps = ScoreMaps(nn.Sequential(nn.AvgPool2d(6, stride=3)), window_px=(6, 6), stride_px=3)
    for axis, pixels in enumerate(size):
        along = torch.arange(pixels) + 0.5
        ramp = along.view(-1, 1) if axis == 0 else along
        last_centre = 3 + (pixels - 6) // 3 * 3
        got = maps(ramp.expand(2, 1, *size).contiguous())
        torch.testing.assert_close(got, ramp.clamp(3, last_centre).expand(2, 1, *size))


@pytest.mark.parametrize(
    ("network", "input_px", "sentence"),
    [
        ("resnet18", (224, 224), "ResNet has no fully connected head that could become convolutions"),
        ("lenet5", (28, 28), "LeNet5 answers for pictures of 32x32 pixels, not 28x28"),
        ("alexnet", (256, 256), "sees 6x6 positions, which pictures of 256x256 pixels do not make without averaging"),
        ("alexnet", (96, 704), "sees 6x6 positions, which pictures of 96x704 pixels do not make without averaging"),
        ("vgg16", (20, 20), "sees 7x7 positions, which pictures of 20x20 pixels do not make without averaging"),
    ],
)
def test_what_no_convolution_equals_is_refused(network: str, input_px: tuple[int, int], sentence: str) -> None:
    with torch.device("meta"):
        model = build_model(network, num_classes=10, in_channels=1)
        with pytest.raises(ValueError, match=sentence):
            convolutionalised(model, input_px)


def test_a_smaller_picture_stands_in_the_middle_of_a_window() -> None:
    network = built("mnist_cnn")
    maps = convolutionalised(network, (28, 28))
    with pytest.raises(RuntimeError):
        maps.scores(torch.zeros(1, 1, 27, 40))
    x = torch.randn(2, 1, 20, 27)
    framed = F.pad(x, (0, 1, 4, 4), mode="replicate")
    with torch.no_grad():
        by_pixel, logits = maps(x), network(framed)
    assert by_pixel.shape == (2, 10, 20, 27)
    assert (by_pixel - logits[:, :, None, None]).abs().max() <= 1e-5


def test_networks_with_a_head_say_that_they_have_a_form() -> None:
    assert isinstance(built("lenet5"), Convolutionalisable)
    assert not isinstance(built("vgg16_bn-small").get_submodule("features"), Convolutionalisable)


# Said inside torch's exporter, about its own code.
@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
@pytest.mark.parametrize("form", ["lenet5", "mnist_cnn", "alexnet-small", "vgg16_bn-small"])
def test_exported_graphs_take_any_size(form: str) -> None:
    native = FORMS[form][2]
    maps = convolutionalised(built(form), (native, native))
    program = torch.onnx.export(
        maps,
        (torch.zeros(2, 1, *maps.two_windows_px()),),
        input_names=["image"],
        output_names=["logits"],
        dynamic_shapes=(dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC),),
        opset_version=20,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    graph = program.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])

    def by_onnxruntime(x: Tensor) -> np.ndarray:
        return np.asarray(session.run(["logits"], {"image": x.numpy()})[0])

    for count, height, width in (
        (1, native, native),
        (3, native + 1, native + 39),
        (2, 2 * native + 3, native),
        (1, 9, native + 5),
    ):
        x = torch.randn(count, 1, height, width)
        with torch.no_grad():
            expected = maps(x).numpy()
        got = by_onnxruntime(x)
        assert got.shape == (count, 10, height, width)
        assert np.abs(got - expected).max() <= 1e-4 * np.abs(expected).max()
