"""From a file of weights to a version that is served, by the command line, and what it says where it cannot."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

import export.public_weights.bring as bring_module
from export.__main__ import main
from export.errors import VerificationFailed
from export.onnx_graph import write_artifact
from export.picture_bytes import as_served
from export.public_weights.bring import bring
from models import build_model
from models.classifier import Classifier
from service.inference.classifier import TOP_1, explain_batch
from service.inference.model import LoadedModel, load_model

LABELS = ("bar", "dot", "ring")
INPUT: dict[str, Any] = {
    "preprocessing": {"height": 40, "width": 32, "resize": "crop", "shortest_edge": 44, "colour": "rgb"},
    "pixel_mean": [0.5, 0.4, 0.3],
    "pixel_std": [0.2, 0.25, 0.3],
}


def network_of(model: str, *, in_channels: int = 1, **options: Any) -> Classifier:
    torch.manual_seed(3)
    network = build_model(model, num_classes=len(LABELS), in_channels=in_channels, **options)
    assert isinstance(network, Classifier)
    return network.eval()


@pytest.fixture
def labels_file(tmp_path: Path) -> Path:
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(LABELS))
    return path


def published(path: Path, name: str) -> LoadedModel:
    return load_model(path / name / "1", name=name, version=1, provider="cpu")


def test_a_file_becomes_a_version_that_answers_as_the_network_does(
    tmp_path: Path, labels_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = network_of("mnist_cnn")
    file, repository = tmp_path / "digits.pth", tmp_path / "models"
    torch.save({"state_dict": network.state_dict()}, file)
    arguments = ["publish", "mnist_cnn", "--weights", str(file), "--labels", str(labels_file), "--name", "shapes"]
    assert main([*arguments, "--repository", str(repository)]) == 0
    printed = capsys.readouterr().out
    assert f"Read {file}: mnist_cnn, 3 classes; pictures gray, stretch to 28x28, bilinear, mean 0.131" in printed
    assert f"Published {repository / 'shapes' / '1'}: largest difference from torch" in printed

    model = published(repository, "shapes")
    pixels = np.random.default_rng(1).integers(0, 256, size=(28, 28), dtype=np.uint8)
    image = as_served(Image.fromarray(pixels), model)[np.newaxis].copy()
    scores, maps, _ = explain_batch(model, image, np.array([TOP_1]))
    x = torch.from_numpy(image).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        logits, cam = network.forward_with_cam((x - 0.1307) / 0.3081, torch.tensor([-1]))
    np.testing.assert_allclose(scores, logits.softmax(dim=1).numpy(), atol=1e-5)
    np.testing.assert_allclose(maps, cam.numpy(), atol=1e-4 * float(cam.max()))

    metadata = model.metadata
    assert (metadata.architecture, metadata.labels, metadata.dataset) == ("mnist_cnn", LABELS, "unknown")
    assert metadata.weights is not None
    assert (metadata.weights.file, metadata.weights.dtype) == ("digits.pth", "float32")
    assert (metadata.metrics, metadata.baseline) == ((), None)
    card = (repository / "shapes" / "1" / "README.md").read_text()
    assert "with the weights of `digits.pth`" in card
    assert "| Accuracy on the test images | not measured | `python -m export evaluate mnist_cnn --name shapes" in card
    assert metadata.weights.sha256 in card
    assert "datasets:" not in card

    assert main([*arguments, "--repository", str(repository)]) == 0
    assert "Already published: " in capsys.readouterr().out
    assert [path.name for path in (repository / "shapes").iterdir()] == ["1"]


def test_a_version_without_a_run_can_be_measured_on_pictures_of_ones_own(
    tmp_path: Path, labels_file: Path, pictures_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Parameters, which torch does not export, under the name that Lightning gives them.
    state = network_of("mnist_cnn").state_dict(keep_vars=True)
    torch.save({"state_dict": {f"network.{name}": value for name, value in state.items()}}, tmp_path / "w.pth")
    brought = bring("mnist_cnn", tmp_path / "w.pth", tmp_path / "models", name="shapes", labels_file=labels_file)
    arguments = ["evaluate", "mnist_cnn", "--name", "shapes", "--repository", str(tmp_path / "models")]
    assert main([*arguments, "--runs", str(tmp_path / "runs"), "--data", str(pictures_dir)]) == 0
    assert "on the 18 test pictures of shapes" in capsys.readouterr().out
    assert "| Accuracy on 18 test images |" in (brought.publication.path / "README.md").read_text()
    assert main([*arguments, "--runs", str(tmp_path / "runs")]) == 1
    assert "There is no dataset 'unknown'" in capsys.readouterr().err


def test_half_precision_options_an_input_of_ones_own_and_hirescam(
    tmp_path: Path, labels_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = network_of("alexnet_gap", in_channels=3, stem="small")
    file, input_file = tmp_path / "half.safetensors", tmp_path / "input.json"
    save_file({name: value.half() for name, value in network.state_dict().items()}, file)
    input_file.write_text(json.dumps(INPUT))
    arguments = ["publish", "alexnet_gap", "--weights", str(file), "--labels", str(labels_file)]
    arguments += ["--preprocessing", str(input_file), "--cam", "hirescam", "--option", "stem=small"]
    assert main([*arguments, "--repository", str(tmp_path / "models")]) == 0
    printed = capsys.readouterr().out
    assert (
        "converted from float16 to float32: alexnet_gap, stem small, 3 classes; pictures rgb, crop to 40x32" in printed
    )

    model = published(tmp_path / "models", "alexnet_gap")
    assert model.metadata.cam is not None
    assert model.metadata.cam.method == "hirescam"
    assert model.metadata.weights is not None
    assert model.metadata.weights.dtype == "float16"
    assert model.metadata.recipe["options"] == {"stem": "small"}
    image = np.random.default_rng(1).integers(0, 256, size=(2, 40, 32, 3), dtype=np.uint8)
    logits, maps = model.session.run(["logits", "cam"], {"image": image, "target": np.array([2, -1])})
    rounded = {name: value.half().float() for name, value in network.state_dict().items()}
    network.load_state_dict(rounded)
    mean, std = (torch.tensor(INPUT[name]).view(1, 3, 1, 1) for name in ("pixel_mean", "pixel_std"))
    with torch.inference_mode():
        x = (torch.from_numpy(image).permute(0, 3, 1, 2) / 255 - mean) / std
        expected = network.forward_with_hirescam(x, torch.tensor([2, -1]))
    for ours, theirs in zip((logits, maps), expected, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-4 * float(theirs.abs().max()))
    assert "`cam` is hirescam at" in (tmp_path / "models" / "alexnet_gap" / "1" / "README.md").read_text()


def test_a_thousand_classes_are_imagenets(tmp_path: Path) -> None:
    network = build_model("resnet20", num_classes=1000, in_channels=1)
    torch.save(network.state_dict(), tmp_path / "w.pth")
    brought = bring("resnet20", tmp_path / "w.pth", tmp_path / "models", name="thousand")
    metadata = published(tmp_path / "models", "thousand").metadata
    assert metadata.labels == brought.blueprint.labels
    assert (metadata.labels[207], metadata.dataset) == ("golden retriever", "imagenet-1k")
    card = (brought.publication.path / "README.md").read_text()
    assert "<details><summary>1,000 labels</summary>" in card
    assert '- "imagenet-1k"' in card


def test_what_does_not_answer_as_torch_does_is_not_published(
    tmp_path: Path, labels_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_other_weights(graph: Any, *arguments: Any, **options: Any) -> None:
        write_artifact(graph, *arguments, **options)
        with torch.no_grad():
            graph.network.fc2.bias += 0.1

    monkeypatch.setattr(bring_module, "write_artifact", with_other_weights)
    torch.save(network_of("mnist_cnn").state_dict(), tmp_path / "w.pth")
    with pytest.raises(VerificationFailed, match="onnxruntime does not answer what torch answers: logits at batch 1"):
        bring("mnist_cnn", tmp_path / "w.pth", tmp_path / "models", name="digits", labels_file=labels_file)
    assert list((tmp_path / "models" / "digits").iterdir()) == []


@pytest.fixture
def three_classes(tmp_path: Path) -> Path:
    torch.save(network_of("mnist_cnn").state_dict(), tmp_path / "w.pth")
    return tmp_path / "w.pth"


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (
            ["mnist_cnn", "--weights", "{file}"],
            2,
            "is for 3 classes, which are not ImageNet's: name them with --labels",
        ),
        (["resnet50", "--weights", "{file}"], 1, "does not fit resnet50: missing: bn1.weight, bn1.bias, bn1.running_m"),
        (["mnist_cnn", "--weights", "{file}", "--labels", "{file}"], 1, "w.pth is not UTF-8 text."),
        (["mnist_cnn", "--weights", "nowhere.pth"], 1, "nowhere.pth: No such file or directory."),
        (
            ["mnist_cnn", "--weights", "{file}", "--option", "stem=small"],
            2,
            "mnist_cnn has no option stem; it has dropout",
        ),
        (["mnist_cnn", "--weights", "{file}", "--name", "a/b"], 2, "'a/b' cannot name a model"),
        (["mnist_cnn", "--weights", "default"], 2, "There is no well-known file of weights for mnist_cnn"),
        (["mnist_cnn", "--labels", "{file}"], 2, "--labels goes with --weights"),
        (["mnist_cnn", "--cam", "hirescam"], 2, "--cam goes with --weights"),
    ],
)
def test_every_fault_is_one_sentence(
    tmp_path: Path,
    three_classes: Path,
    arguments: list[str],
    code: int,
    complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    filled = [argument.format(file=three_classes) for argument in arguments]
    assert main(["publish", *filled, "--repository", str(tmp_path / "models")]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert complaint in line
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda value: value.to(torch.int64), "not of floating-point numbers: conv1.weight (int64), "),
        (torch.zeros_like, "holds nothing but zeros in fc2.weight"),
        (lambda value: value[:1], "does not fit mnist_cnn: of another shape: conv1.weight (1, 1, "),
    ],
)
def test_weights_that_say_nothing_are_one_sentence(
    tmp_path: Path,
    labels_file: Path,
    change: Callable[[Tensor], Tensor],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    changed = {name: change(value) for name, value in network_of("mnist_cnn").state_dict().items()}
    torch.save(changed, tmp_path / "w.pth")
    arguments = ["publish", "mnist_cnn", "--weights", str(tmp_path / "w.pth"), "--labels", str(labels_file)]
    assert main([*arguments, "--repository", str(tmp_path / "models")]) == 1
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert complaint in line
    assert "converted" not in printed.out
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("in_channels", "given", "complaint"),
    [
        (
            3,
            None,
            "How pictures are prepared for mnist_cnn and 3 channels is not known: say it with --preprocessing FILE",
        ),
        (2, None, "is for pictures of 2 channels; 1 and 3 can be served."),
        (1, INPUT, "prepares pictures of 3 channels, the weights in "),
    ],
)
def test_an_input_that_is_not_known_or_does_not_fit_is_one_sentence(
    tmp_path: Path,
    labels_file: Path,
    in_channels: int,
    given: dict[str, Any] | None,
    complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    torch.save(network_of("mnist_cnn", in_channels=in_channels).state_dict(), tmp_path / "w.pth")
    arguments = ["publish", "mnist_cnn", "--weights", str(tmp_path / "w.pth"), "--labels", str(labels_file)]
    if given:
        (tmp_path / "input.json").write_text(json.dumps(given))
        arguments += ["--preprocessing", str(tmp_path / "input.json")]
    assert main([*arguments, "--repository", str(tmp_path / "models")]) in (1, 2)
    assert re.search(re.escape(complaint), capsys.readouterr().err)
    assert not (tmp_path / "models").exists()
