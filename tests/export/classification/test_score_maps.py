"""A classifier whose head was turned into convolutions, published in the segmenters' contract."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

import export.classification.score_maps as score_maps_module
from export.__main__ import main
from export.blueprint import load_trained
from export.onnx_graph import export_onnx
from export.run_folder import RunFolder
from export.verify import verify
from models import build_model
from models.convolutional import ScoreMaps, convolutionalised
from service.inference.session import open_session
from service.repository.artifact import Metadata
from tests.export.conftest import RunMaker


def publish(run: RunFolder, repository: Path) -> int:
    arguments = ["publish", run.model, "--convolutional", "--runs", str(run.path.parent)]
    return main([*arguments, "--repository", str(repository)])


@pytest.mark.parametrize(("model", "size"), [("mnist_cnn", 28), ("lenet5", 32)])
def test_a_run_becomes_a_segmenter_that_answers_as_the_network_does(
    model: str, size: int, make_run: RunMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(model)
    assert publish(run, tmp_path / "models") == 1
    assert f"run 'python -m export onnx {model}' first" in capsys.readouterr().err
    export_onnx(run)
    verify(run)
    assert publish(run, tmp_path / "models") == 0
    folder = tmp_path / "models" / f"{model}-convolutional" / "1"
    assert f"Published {folder}: class scores by pixel" in capsys.readouterr().out

    metadata = Metadata.from_props(open_session(folder / "model.onnx", provider="cpu").metadata_props)
    assert metadata.task == "image-segmentation"
    assert metadata.labels == ("bar", "dot", "ring")
    assert (metadata.preprocessing.height, metadata.preprocessing.resize) == (None, "none")
    assert metadata.cam is None

    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    assert [entry.name for entry in session.get_inputs()] == ["image"]
    assert [entry.name for entry in session.get_outputs()] == ["logits"]
    network, facts = load_trained(run)
    pixels = np.random.default_rng(2).integers(0, 256, (1, size, size, 1), dtype=np.uint8)
    with torch.inference_mode():
        x = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255
        logits = network((x - facts.recipe.pixel_mean[0]) / facts.recipe.pixel_std[0]).numpy()
    (by_pixel,) = session.run(["logits"], {"image": pixels})
    assert np.abs(by_pixel - logits[:, :, None, None]).max() <= 1e-5 * max(1, np.abs(logits).max())
    for height, width in ((size + 21, size + 4), (5, size), (1, 1)):
        (by_pixel,) = session.run(["logits"], {"image": np.zeros((2, height, width, 1), np.uint8)})
        assert by_pixel.shape == (2, 3, height, width)
        assert np.isfinite(by_pixel).all()

    card = (folder / "README.md").read_text()
    assert f"`python -m export train {model} && " in card
    assert "/segment?format=overlay" in card
    assert "not measured" not in card


def test_weights_of_ones_own_become_one_too(tmp_path: Path) -> None:
    torch.manual_seed(1)
    torch.save(build_model("mnist_cnn", num_classes=2, in_channels=1).state_dict(), tmp_path / "w.pth")
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    arguments = ["publish", "mnist_cnn", "--weights", str(tmp_path / "w.pth"), "--labels", str(tmp_path / "labels.txt")]
    assert main([*arguments, "--convolutional", "--name", "pets", "--repository", str(tmp_path / "models")]) == 0
    assert (tmp_path / "models" / "pets-convolutional" / "1" / "model.onnx").is_file()


def test_a_network_without_such_a_head_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(build_model("resnet20", num_classes=2, in_channels=1).state_dict(), tmp_path / "w.pth")
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    arguments = ["publish", "resnet20", "--weights", str(tmp_path / "w.pth"), "--labels", str(tmp_path / "labels.txt")]
    assert main([*arguments, "--convolutional", "--repository", str(tmp_path / "models")]) == 2
    assert "ResNet20 has no fully connected head" in capsys.readouterr().err
    assert not list((tmp_path / "models").rglob("model.onnx"))


def test_a_form_that_answers_otherwise_is_not_published(
    copy_verified: RunMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = copy_verified()

    def spoilt(_network: nn.Module, input_px: tuple[int, int]) -> ScoreMaps:
        # Of a network of its own: the form shares its weights, which would spoil both alike.
        network, _ = load_trained(run)
        maps = convolutionalised(network, input_px)
        with torch.no_grad():
            next(maps.layers[-1].parameters()).mul_(1.01)
        return maps

    monkeypatch.setattr(score_maps_module, "convolutionalised", spoilt)
    assert publish(run, tmp_path / "models") == 1
    assert "The convolutional form differs from the network by" in capsys.readouterr().err
    assert not list((tmp_path / "models").rglob("model.onnx"))
