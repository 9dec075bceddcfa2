"""The exported file: its contract, its metadata, and what must not be in it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from export.artifact_files import digest
from export.errors import MissingStage
from export.onnx_graph import export_onnx, load_graph
from export.run_folder import RunFolder
from service.repository.artifact import Metadata

RunMaker = Callable[..., RunFolder]


def answers(file: Path, image: np.ndarray[Any, Any], target: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    result: list[np.ndarray[Any, Any]] = session.run(["logits", "cam"], {"image": image, "target": target})
    return result


@pytest.mark.parametrize(("model", "map_px"), [("lenet5", 10), ("mnist_cnn", 8)])
def test_the_file_keeps_the_contract_at_any_batch_and_says_everything_about_itself(
    make_run: RunMaker, model: str, map_px: int
) -> None:
    run = make_run(model)
    file = export_onnx(run)
    graph, facts = load_graph(run)
    height, width = facts.recipe.input_px
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    assert [(i.name, i.type, i.shape) for i in session.get_inputs()] == [
        ("image", "tensor(uint8)", ["batch", height, width, 1]),
        ("target", "tensor(int64)", ["batch"]),
    ]
    assert [(o.name, o.type, o.shape) for o in session.get_outputs()] == [
        ("logits", "tensor(float)", ["batch", 3]),
        ("cam", "tensor(float)", ["batch", map_px, map_px]),
    ]
    rng = np.random.default_rng(0)
    for batch in (1, 3, 8):
        image = rng.integers(0, 256, size=(batch, height, width, 1), dtype=np.uint8)
        target = rng.integers(-1, 3, size=batch)
        with torch.inference_mode():
            expected = graph(torch.from_numpy(image), torch.from_numpy(target))
        for ours, theirs in zip(answers(file, image, target), expected, strict=True):
            np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-4 * float(theirs.abs().max()), rtol=0)
    metadata = Metadata.from_props(session.get_modelmeta().custom_metadata_map)
    assert metadata.task == "image-classification"
    assert metadata.architecture == model
    assert metadata.labels == ("bar", "dot", "ring")
    assert metadata.preprocessing == facts.recipe.preprocessing
    assert metadata.dataset == "shapes"
    assert metadata.recipe == facts.recipe.to_dict()
    assert metadata.command == f"python -m export train {model}"
    assert metadata.source_revision
    assert metadata.versions["opset"] == "20"
    assert metadata.versions["lightning"] == "1.2.3"
    assert metadata.versions["torch"] == torch.__version__
    assert metadata.cam is not None
    assert metadata.cam.method == "grad-cam"
    assert (metadata.metrics, metadata.baseline) == ((), None)


def test_pixels_are_scaled_and_normalised_inside_the_graph(make_run: RunMaker) -> None:
    graph, facts = load_graph(make_run("lenet5"))
    image = torch.randint(0, 256, (2, 32, 32, 1), dtype=torch.uint8)
    x = (image.permute(0, 3, 1, 2) / 255 - facts.recipe.pixel_mean[0]) / facts.recipe.pixel_std[0]
    assert x.min() >= -0.11
    assert x.max() <= 1.18
    with torch.inference_mode():
        torch.testing.assert_close(graph(image, torch.tensor([-1, -1]))[0], graph.network(x), rtol=1e-5, atol=1e-4)


def test_weights_above_the_limit_lie_beside_the_graph(make_run: RunMaker) -> None:
    run = make_run("mnist_cnn")
    image, target = np.full((2, 28, 28, 1), 90, dtype=np.uint8), np.array([-1, 2])
    whole = answers(export_onnx(run), image, target)
    data = run.path / "model.onnx.data"
    assert not data.exists()
    split = answers(export_onnx(run, external_above_bytes=1000), image, target)
    modes = {path.stat().st_mode for path in run.path.glob("model.onnx*")}
    assert len(modes) == 1, "a service that runs as somebody else reads both or none"
    assert data.stat().st_size > 400_000 > 100_000 > run.graph.stat().st_size
    for one, other in zip(whole, split, strict=True):
        np.testing.assert_array_equal(one, other)
    export_onnx(run)
    assert not data.exists(), "an artifact in one file must not leave the other one's weights behind"
    export_onnx(run, external_above_bytes=1000)
    run.discard()
    assert not list(run.path.iterdir())


def test_the_same_weights_give_the_same_bytes_without_a_path_of_this_machine(make_run: RunMaker) -> None:
    run = make_run("lenet5")
    export_onnx(run)
    first = digest(run.path)
    export_onnx(run)
    assert digest(run.path) == first
    content = run.graph.read_bytes()
    for path in (Path(__file__).parents[2], Path(sys.prefix), Path.home()):
        assert str(path).encode() not in content
    assert all(not node.doc_string and not node.metadata_props for node in onnx.load(str(run.graph)).graph.node)
    assert {file.name for file in run.path.iterdir()} == {"run.json", "checkpoint.json", "checkpoint.pt", "model.onnx"}


def test_without_a_training_the_sentence_names_the_command(make_run: RunMaker) -> None:
    run = make_run("lenet5")
    run.checkpoint.unlink()
    with pytest.raises(MissingStage, match="run 'python -m export train lenet5' first"):
        export_onnx(run)


def test_exporting_prints_nothing(make_run: RunMaker) -> None:
    run = make_run("mnist_cnn")
    script = (
        "import sys; from pathlib import Path; from export.onnx_graph import export_onnx; "
        "from export.run_folder import open_run; "
        "export_onnx(open_run(Path(sys.argv[1]), 'mnist_cnn', data_dir=None))"
    )
    result = subprocess.run(
        [sys.executable, "-W", "default", "-c", script, str(run.path)], capture_output=True, text=True, check=True
    )
    assert (result.stdout, result.stderr) == ("", "")
