"""Files of weights in every form they come in, and every kind of file that is none."""

import hashlib
import pickle
import re
import struct
import zipfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from export.errors import BadWeights
from export.public_weights.reading import read_weights

WEIGHTS = {"conv.weight": torch.arange(6.0).reshape(1, 1, 2, 3), "conv.bias": torch.tensor([-1.5])}
COUNTED = {**WEIGHTS, "bn.num_batches_tracked": torch.tensor(7)}


def save_legacy(content: object, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("plain.pth", lambda path: torch.save(WEIGHTS, path)),
        ("plain.pt", lambda path: torch.save(WEIGHTS, path)),
        ("of_2018.pth", lambda path: save_legacy(WEIGHTS, path)),
        ("wrapped.pth", lambda path: torch.save({"epoch": 3, "state_dict": WEIGHTS, "best": 0.5}, path)),
        ("tutorial.pt", lambda path: torch.save({"model_state_dict": WEIGHTS, "optimizer_state_dict": {}}, path)),
        ("model.pth", lambda path: torch.save({"model": WEIGHTS, "optimizer": {"state": {}}}, path)),
        ("averaged.pth", lambda path: torch.save({"epoch": 3, "state_dict_ema": WEIGHTS}, path)),
        ("both.pth", lambda path: torch.save({"state_dict": WEIGHTS, "state_dict_ema": {"lr": 1.0}}, path)),
        ("deeper.pth", lambda path: torch.save({"model": {"state_dict": WEIGHTS, "step": 2}, "lr": 0.1}, path)),
        ("parameters.pth", lambda path: torch.save({n: torch.nn.Parameter(v) for n, v in WEIGHTS.items()}, path)),
        ("plain.safetensors", lambda path: save_file(WEIGHTS, path)),
        ("safetensors_by_another_name.pth", lambda path: save_file(WEIGHTS, path)),
        ("torch_by_another_name.safetensors", lambda path: torch.save(WEIGHTS, path)),
    ],
)
def test_the_same_weights_come_out_of_every_form(tmp_path: Path, name: str, write: Callable[[Path], Any]) -> None:
    path = tmp_path / name
    write(path)
    weights = read_weights(path)
    assert weights.tensors.keys() == WEIGHTS.keys()
    for key, value in WEIGHTS.items():
        torch.testing.assert_close(weights.tensors[key], value, rtol=0, atol=0)
        assert not weights.tensors[key].requires_grad
    assert (weights.path, weights.dtype) == (path, "float32")
    assert weights.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32_and_are_named(tmp_path: Path, dtype: torch.dtype) -> None:
    changed = {name: value.to(dtype) if value.is_floating_point() else value for name, value in COUNTED.items()}
    torch.save(changed, tmp_path / "w.pth")
    weights = read_weights(tmp_path / "w.pth")
    assert weights.dtype == str(dtype).removeprefix("torch.")
    assert {name: value.dtype for name, value in weights.tensors.items()} == {
        "conv.weight": torch.float32,
        "conv.bias": torch.float32,
        "bn.num_batches_tracked": torch.int64,
    }
    torch.testing.assert_close(weights.tensors["conv.weight"], WEIGHTS["conv.weight"])


def script(path: Path) -> None:
    """What torch.jit.save leaves, as far as its reader looks: an archive with constants and code."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            archive.writestr(f"net/{name}", b"")


def an_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("holiday/beach.png", b"")


def truncated(write: Callable[[Path], Any], keep: float) -> Callable[[Path], None]:
    def cut(path: Path) -> None:
        write(path)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * keep)])

    return cut


def damaged_inside(path: Path) -> None:
    """An archive that opens but whose pickle is noise."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02noise")
        archive.writestr("archive/version", b"3\n")


@pytest.mark.parametrize(
    ("write", "complaint"),
    [
        (lambda path: path.mkdir(), "is a folder, not a file of weights."),
        (lambda path: path.touch(), "is empty."),
        (lambda path: path.write_text("weights, honestly"), "is neither a torch checkpoint nor a safetensors file."),
        (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" * 9), "is neither a torch checkpoint nor a"),
        (truncated(lambda path: torch.save(WEIGHTS, path), 0.6), "is a damaged torch checkpoint: the archive is cut"),
        (truncated(lambda path: save_legacy(WEIGHTS, path), 0.9), "is a damaged torch checkpoint: "),
        (truncated(lambda path: save_legacy(WEIGHTS, path), 0.1), "is a damaged torch checkpoint"),
        (truncated(lambda path: save_file(WEIGHTS, path), 0.95), "is a damaged safetensors file: "),
        (damaged_inside, "is a damaged torch checkpoint"),
        (script, "is a TorchScript file, which holds code; save the state_dict() of the network it was made from."),
        (an_archive, "is a zip archive, but no torch checkpoint."),
        (
            lambda path: torch.save(torch.nn.Linear(2, 2), path),
            r"holds Python objects (torch.nn.modules.linear.Linear),",
        ),
        (lambda path: torch.save({"model": WEIGHTS, "args": Namespace(lr=1)}, path), "objects (argparse.Namespace)"),
        (lambda path: path.write_bytes(pickle.dumps({"a": 1})), "is a damaged torch checkpoint, or another kind"),
        (lambda path: torch.save([1, 2], path), "holds a list, not a state_dict."),
        (lambda path: torch.save({}, path), "holds no weights."),
        (lambda path: torch.save({"state": {}, "param_groups": []}, path), "holds the state of an optimizer, not the"),
        (lambda path: torch.save({"lr": 0.1, "w": WEIGHTS["conv.bias"]}, path), "its entry 'lr' is a float."),
        (lambda path: torch.save({"a": torch.tensor([0.0, float("nan")])}, path), "values in a that are not finite."),
        (
            lambda path: torch.save({"a": torch.eye(2).to_sparse()}, path),
            "holds a in a form that is not plain numbers.",
        ),
        (lambda path: torch.save({"a": torch.tensor([1j])}, path), "holds a in a form that is not plain numbers."),
        (
            lambda path: torch.save({"a": torch.zeros(2, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)}, path),
            "holds a in a form that is not plain numbers.",
        ),
        (lambda path: torch.save({"a": torch.empty(2, device="meta")}, path), "holds a without its values"),
        (
            lambda path: torch.save({**WEIGHTS, "bn.running_var": torch.tensor([1.0, -0.1])}, path),
            "holds variances in bn.running_var that are below zero.",
        ),
    ],
)
def test_everything_else_is_refused_in_one_sentence(
    tmp_path: Path, write: Callable[[Path], Any], complaint: str
) -> None:
    path = tmp_path / "file.pth"
    write(path)
    with pytest.raises(BadWeights, match=re.escape(complaint)) as caught:
        read_weights(path)
    sentence = str(caught.value)
    assert sentence.startswith(str(path))
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_a_safetensors_name_over_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    path.write_bytes(struct.pack("<Q", 10**9) + b"{")
    with pytest.raises(BadWeights, match="is a damaged safetensors file: its header is cut off or is none"):
        read_weights(path)


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.mkdir, (self.place,)


@pytest.mark.parametrize("save", [torch.save, save_legacy])
def test_code_in_a_file_does_not_run(tmp_path: Path, save: Callable[..., None]) -> None:
    path, place = tmp_path / "trap.pth", tmp_path / "sprung"
    save({"state_dict": {**WEIGHTS, "extra": Trap(place)}}, path)
    with pytest.raises(BadWeights, match="holds Python objects"):
        read_weights(path)
    assert not place.exists()


def test_a_file_that_is_not_there_is_left_to_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_weights(tmp_path / "nowhere.pth")
