import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx.external_data_helper import set_external_data

from service.inference.session import (
    PROVIDERS,
    Provider,
    ProviderUnavailable,
    RunFailed,
    TensorSpec,
    available_providers,
    intended_provider,
    onnxruntime_version,
    open_session,
    probe_provider,
    resolve_provider,
)
from service.repository.artifact import MODEL_FILE, InvalidArtifact, Metadata
from tests.service.tiny_artifact import tiny_graph, tiny_metadata

ROOT = Path(__file__).parents[3]
HAS_CUDA = "cuda" in available_providers()


def test_a_session_says_what_its_graph_takes_and_gives(tiny_artifact: Path) -> None:
    session = open_session(tiny_artifact / MODEL_FILE, provider="cpu")
    assert session.provider == "cpu"
    assert session.inputs == {
        "image": TensorSpec("uint8", (None, 28, 28, 1)),
        "target": TensorSpec("int64", (None,)),
    }
    assert session.outputs == {
        "logits": TensorSpec("float", (None, 4)),
        "cam": TensorSpec("float", (None, 2, 2)),
    }
    assert Metadata.from_props(session.metadata_props) == tiny_metadata()


def test_onnxruntime_leaves_no_trace_of_the_machine(tiny_artifact: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    code = "import sys; from service.inference.session import open_session; open_session(sys.argv[1], provider='cpu')"
    command = [sys.executable, "-c", code, str(tiny_artifact / MODEL_FILE)]
    subprocess.run(command, env=environment, cwd=ROOT, check=True, timeout=60)
    assert list(home.iterdir()) == []


def test_outputs_come_in_the_order_asked_for(tiny_artifact: Path) -> None:
    session = open_session(tiny_artifact / MODEL_FILE, provider="cpu", intra_op_threads=2)
    feeds: dict[str, NDArray[Any]] = {"image": np.zeros((3, 28, 28, 1), np.uint8), "target": np.full(3, -1, np.int64)}
    cam, logits = session.run(["cam", "logits"], feeds)
    assert (cam.shape, logits.shape) == ((3, 2, 2), (3, 4))
    assert len(session.run(["logits"], feeds)) == 1


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(100), bytes(1000)],
    ids=["empty", "text", "picture", "zeros"],
)
def test_a_file_that_is_no_onnx_is_refused_in_one_sentence(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / MODEL_FILE
    path.write_bytes(data)
    with pytest.raises(InvalidArtifact, match=r"^onnxruntime cannot open model\.onnx: [^\n]+\.$") as caught:
        open_session(path, provider="cpu")
    assert str(tmp_path) not in str(caught.value)
    assert "ONNXRuntimeError" not in str(caught.value)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path, tiny_artifact: Path) -> None:
    whole = (tiny_artifact / MODEL_FILE).read_bytes()
    path = tmp_path / MODEL_FILE
    refused = 0
    for length in range(0, len(whole) - 40, 97):
        path.write_bytes(whole[:length])
        try:
            open_session(path, provider="cpu")
        except InvalidArtifact:
            refused += 1
        else:
            # A cut between two metadata entries leaves a whole graph.
            assert length > whole.index(b"convoy.")
    assert refused > 5


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArtifact, match=r"^onnxruntime cannot open model\.onnx: "):
        open_session(tmp_path / MODEL_FILE, provider="cpu")


def test_an_operator_that_onnxruntime_lacks_is_refused(tmp_path: Path) -> None:
    model = tiny_graph(tiny_metadata())
    model.graph.node[0].op_type = "Telepathy"
    onnx.save(model, tmp_path / MODEL_FILE)
    with pytest.raises(InvalidArtifact, match="Telepathy"):
        open_session(tmp_path / MODEL_FILE, provider="cpu")


def with_data_file(folder: Path) -> Path:
    """A tiny model two constants of which stand in `model.onnx.data`."""
    path = folder / MODEL_FILE
    model = tiny_graph(tiny_metadata())
    for constant in model.graph.initializer:
        if constant.name in ("range", "scale"):
            set_external_data(constant, location=f"{MODEL_FILE}.data")
    onnx.save_model(model, path)
    return path


def test_weights_in_a_file_beside_it_are_read(tmp_path: Path) -> None:
    path = with_data_file(tmp_path)
    assert (tmp_path / "model.onnx.data").stat().st_size > 0
    session = open_session(path, provider="cpu")
    white = np.full((1, 28, 28, 1), 255, np.uint8)
    (logits,) = session.run(["logits"], {"image": white, "target": np.zeros(1, np.int64)})
    assert logits[0].tolist() == pytest.approx([10.0] * 4)


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_weights_that_are_missing_or_cut_are_refused(tmp_path: Path, damage: str) -> None:
    path = with_data_file(tmp_path)
    data = tmp_path / "model.onnx.data"
    if damage == "missing":
        data.unlink()
    else:
        data.write_bytes(data.read_bytes()[:5])
    with pytest.raises(InvalidArtifact) as caught:
        open_session(path, provider="cpu")
    assert str(tmp_path) not in str(caught.value)


def test_onnxruntime_stays_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / MODEL_FILE
    path.write_bytes(b"hello")
    with pytest.raises(InvalidArtifact):
        open_session(path, provider="cpu")
    onnx.save(tiny_graph(tiny_metadata()), path)
    session = open_session(path, provider="cpu")
    with pytest.raises(RunFailed, match=r"^The graph cannot be run: Got invalid dimensions for input: image .*\.$"):
        session.run(["logits"], {"image": np.zeros((1, 9, 9, 1), np.uint8), "target": np.zeros(1, np.int64)})
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_the_cpu_is_always_there() -> None:
    assert "cpu" in available_providers()
    probe_provider("cpu")
    assert resolve_provider("cpu") == "cpu"


def test_the_version_of_onnxruntime_is_known() -> None:
    assert onnxruntime_version() == ort.__version__


@pytest.mark.skipif(HAS_CUDA, reason="this onnxruntime has CUDA built in")
def test_cuda_that_is_not_built_in_is_refused(tiny_artifact: Path) -> None:
    sentence = r"^The provider 'cuda' is not part of the installed onnxruntime, which has cpu\.$"
    with pytest.raises(ProviderUnavailable, match=sentence):
        resolve_provider("cuda")
    with pytest.raises(ProviderUnavailable, match=sentence):
        open_session(tiny_artifact / MODEL_FILE, provider="cuda")
    assert resolve_provider("auto") == "cpu"


@pytest.fixture
def broken_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """An onnxruntime that has "cuda" built in and skips it without a word, as it does where libraries are missing."""
    built_in = Provider(execution_provider="AzureExecutionProvider", options={})
    monkeypatch.setitem(PROVIDERS, "cuda", built_in)
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["AzureExecutionProvider", "CPUExecutionProvider"])
    monkeypatch.setattr(ort.InferenceSession, "get_providers", lambda session: ["CPUExecutionProvider"])


@pytest.mark.usefixtures("broken_cuda")
def test_a_provider_that_onnxruntime_skips_is_refused_and_never_replaced(tiny_artifact: Path) -> None:
    sentence = (
        r"^The provider 'cuda' does not work here: onnxruntime chose CPUExecutionProvider instead of "
        r"AzureExecutionProvider\.$"
    )
    with pytest.raises(ProviderUnavailable, match=sentence):
        probe_provider("cuda")
    with pytest.raises(ProviderUnavailable, match=sentence):
        open_session(tiny_artifact / MODEL_FILE, provider="cuda")


@pytest.mark.usefixtures("broken_cuda")
def test_auto_takes_the_cpu_where_cuda_does_not_work_and_had_hoped_for_cuda() -> None:
    assert resolve_provider("auto") == "cpu"
    assert intended_provider("auto") == "cuda"
    assert intended_provider("cpu") == "cpu"
