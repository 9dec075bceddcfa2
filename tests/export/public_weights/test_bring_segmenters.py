"""Files of segmenters become versions that answer as torch does, or one sentence."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from export.__main__ import main
from export.checkpoint import CheckpointFacts, save_checkpoint
from export.data.dataset import DataSource
from export.data.mask_layouts import VOC_LABELS
from export.public_weights.bring import bring, prepare
from export.public_weights.inputs import FCN_RESNET50
from export.recipes import SEGMENTERS
from export.recipes.recipe import recipe_from_dict
from export.run_folder import RunFolder
from models import build_model
from service.inference.model import LoadedModel, load_model
from tests.export.masked_shapes import LABELS, put_shapes

INPUT: dict[str, Any] = {
    "preprocessing": {
        "height": None,
        "width": None,
        "resize": "shortest",
        "shortest_edge": 32,
        "longest_edge": 64,
        "colour": "rgb",
    },
    "pixel_mean": [0.5, 0.4, 0.3],
    "pixel_std": [0.2, 0.25, 0.3],
}
FIXED: dict[str, Any] = {**INPUT, "preprocessing": {"height": 8, "width": 8, "resize": "stretch", "colour": "rgb"}}


def state_of(model: str, *, num_classes: int = 3, in_channels: int = 3, **options: Any) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return build_model(model, num_classes=num_classes, in_channels=in_channels, **options).state_dict()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Weights of a narrow U-Net and of a classifier, labels, and two inputs."""
    paths = {name: tmp_path / name for name in ("unet.pth", "classifier.pth", "labels.txt", "input.json", "fixed.json")}
    torch.save(state_of("unet", width=4, depth=2, padding="valid"), paths["unet.pth"])
    torch.save(state_of("mnist_cnn", in_channels=1), paths["classifier.pth"])
    paths["labels.txt"].write_text("\n".join(LABELS))
    paths["input.json"].write_text(json.dumps(INPUT))
    paths["fixed.json"].write_text(json.dumps(FIXED))
    return paths


def published(path: Path, name: str) -> LoadedModel:
    return load_model(path / name / "1", name=name, version=1, provider="cpu")


@pytest.mark.parametrize("with_auxiliary_head", [True, False])
def test_a_public_fcn_resnet50_has_vocs_labels_and_its_own_input(
    with_auxiliary_head: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = state_of("fcn_resnet50", num_classes=21)
    kept = {name: value for name, value in state.items() if with_auxiliary_head or not name.startswith("aux_")}
    torch.save(kept, tmp_path / "fcn.pth")
    prepared = prepare("fcn_resnet50", tmp_path / "fcn.pth")
    assert prepared.blueprint.labels == VOC_LABELS
    assert prepared.blueprint.preprocessing == FCN_RESNET50.preprocessing
    assert prepared.metadata.has_background
    loaded = prepared.graph.network.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in kept.items() if "num_batches" not in name)
    said = "21 classes; pictures rgb, shorter edge to 520, longer one 1040 at most, bilinear, mean 0.485 0.456 0.406"
    assert said in capsys.readouterr().out


def test_a_plain_file_becomes_a_version_that_can_be_measured(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["publish", "unet", "--weights", str(files["unet.pth"]), "--labels", str(files["labels.txt"])]
    arguments += ["--preprocessing", str(files["input.json"]), "--option", "padding=valid", "--name", "shapes"]
    assert main([*arguments, "--repository", str(tmp_path / "models")]) == 0
    printed = capsys.readouterr().out
    assert "unet, width 4, depth 2, padding valid, 3 classes" in printed
    assert "of the largest value; mean IoU not measured." in printed
    model = published(tmp_path / "models", "shapes")
    assert (model.metadata.task, model.metadata.labels) == ("image-segmentation", LABELS)
    card = (tmp_path / "models" / "shapes" / "1" / "README.md").read_text()
    assert "| Mean IoU on the test images | not measured |" in card

    image = np.random.default_rng(1).integers(0, 256, (2, 33, 47, 3), dtype=np.uint8)
    (logits,) = model.session.run(["logits"], {"image": image})
    network = build_model("unet", num_classes=3, in_channels=3, width=4, depth=2, padding="valid").eval()
    network.load_state_dict(torch.load(files["unet.pth"]))
    mean, std = (torch.tensor(INPUT[name]).view(1, 3, 1, 1) for name in ("pixel_mean", "pixel_std"))
    with torch.inference_mode():
        expected = network((torch.from_numpy(image).permute(0, 3, 1, 2) / 255 - mean) / std).numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-4 * float(np.abs(expected).max()))

    measure = ["evaluate", "unet", "--name", "shapes", "--repository", str(tmp_path / "models")]
    measure += ["--data", str(put_shapes(tmp_path / "squares")), "--runs", str(tmp_path / "runs")]
    assert main(measure) == 0
    assert "on the 3 test pictures of squares" in capsys.readouterr().out


def test_a_run_s_own_weights_bring_labels_options_and_input(tmp_path: Path) -> None:
    values = {**SEGMENTERS["unet_xception"].to_dict(), "options": {"widths": [4, 8]}}
    run = RunFolder(path=tmp_path / "runs" / "x", recipe=recipe_from_dict(values), source=DataSource())
    run.path.mkdir(parents=True)
    facts = CheckpointFacts(
        recipe=run.recipe,
        labels=LABELS,
        score="mean IoU",
        validation_score=0.5,
        epoch=1,
        training_s=1.0,
        command="python -m export train unet_xception",
        source_revision="",
        versions={},
    )
    save_checkpoint(run, state_of("unet_xception", in_channels=1, widths=[4, 8]), facts)
    bring("unet_xception", run.checkpoint, tmp_path / "models", name="x")
    metadata = published(tmp_path / "models", "x").metadata
    assert (metadata.labels, metadata.preprocessing) == (LABELS, run.recipe.preprocessing)
    assert metadata.recipe["options"] == {"widths": [4, 8]}


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        ("unet --weights {unet.pth} --preprocessing {input.json}", 2, "3 classes, which are not Pascal VOC's: name"),
        ("unet --weights {unet.pth} --labels {labels.txt}", 2, "How pictures are prepared for unet and 3 channels is"),
        (
            "unet --weights {unet.pth} --labels {labels.txt} --preprocessing {fixed.json}",
            1,
            "fixed.json fixes the size of the input, and unet is a segmenter, which takes any",
        ),
        (
            "mnist_cnn --weights {classifier.pth} --labels {labels.txt} --preprocessing {input.json}",
            1,
            "input.json prepares pictures of 3 channels",
        ),
        ("unet --weights {classifier.pth} --labels {labels.txt}", 1, "does not fit unet: missing: contracting.0.0"),
        ("unet --weights {unet.pth} --cam hirescam", 2, "unet is a segmenter, which has no map to choose."),
        ("unet --weights {unet.pth} --option stem=small", 2, "unet has no option stem"),
        ("unet --weights default", 2, "There is no well-known file of weights for unet"),
    ],
)
def test_every_fault_is_one_sentence(
    arguments: str,
    code: int,
    complaint: str,
    files: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    filled = arguments
    for name, path in files.items():
        filled = filled.replace(f"{{{name}}}", str(path))
    assert main(["publish", *filled.split(), "--repository", str(tmp_path / "models")]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert complaint in line
    assert not (tmp_path / "models").exists()


def test_a_classifier_needs_a_size(files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gray = {**INPUT["preprocessing"], "colour": "gray"}
    files["input.json"].write_text(json.dumps({"preprocessing": gray, "pixel_mean": [0.5], "pixel_std": [0.5]}))
    arguments = ["publish", "mnist_cnn", "--weights", str(files["classifier.pth"])]
    arguments += ["--labels", str(files["labels.txt"]), "--preprocessing", str(files["input.json"])]
    assert main([*arguments, "--repository", str(tmp_path / "models")]) == 1
    said = "input.json leaves the size of the input free, which mnist_cnn, a classifier, needs fixed."
    assert said in capsys.readouterr().err
