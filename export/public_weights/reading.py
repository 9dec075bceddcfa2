"""Reads a file of weights, torch's or safetensors, told by its content; tensors only, never code."""

import hashlib
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from export.errors import BadWeights

_WRAPPERS = ("state_dict", "model_state_dict", "model", "state_dict_ema")
"""Under which of its entries a checkpoint keeps the weights, when it keeps more than weights; the first counts."""
_DEEPEST_WRAPPER = 2
_PACKED = (torch.float4_e2m1fn_x2,)
"""Types that hold several numbers in a byte, which torch does not convert."""
_PICKLE_START = b"\x80"
_ZIP_START = b"PK"


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What a file holds."""

    path: Path
    sha256: str
    """Of the file."""
    dtype: str
    """What the file's numbers were, such as float16; several are joined by commas."""
    tensors: dict[str, Tensor]
    """Floating point as float32, on the CPU, detached, by the names of the file."""


def read_weights(path: Path) -> Weights:
    """Read a state_dict, or the one that a checkpoint keeps among other things.

    Raises:
        BadWeights: the file is no such file, is damaged, or holds something else; the sentence says what.
        OSError: it cannot be opened.
    """
    if path.is_dir():
        raise BadWeights(f"{path} is a folder, not a file of weights.")
    if path.stat().st_size == 0:
        raise BadWeights(f"{path} is empty.")
    with path.open("rb") as file:
        start = file.read(9)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    entries = _read_safetensors(path) if _is_safetensors(path, start) else _read_torch(path, start)
    named = {str(name): value for name, value in _unwrapped(path, entries).items()}
    _check(path, named)
    floating = sorted({str(each.dtype).removeprefix("torch.") for each in named.values() if each.is_floating_point()})
    # Detached: parameters would be trained further by whatever loads them, and cannot be exported.
    plain = {name: each.detach() for name, each in named.items()}
    tensors = {name: each.float() if each.is_floating_point() else each for name, each in plain.items()}
    return Weights(path=path, sha256=sha256, dtype=", ".join(floating), tensors=tensors)


def _is_safetensors(path: Path, start: bytes) -> bool:
    """Whether it begins as the format does: the length of a JSON header, then the header."""
    return len(start) == 9 and start[8:] == b"{" and int.from_bytes(start[:8], "little") <= path.stat().st_size - 8


def _read_safetensors(path: Path) -> Mapping[Any, Any]:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise BadWeights(f"{path} is a damaged safetensors file: {_first_line(error)}.") from None


def _read_torch(path: Path, start: bytes) -> Mapping[Any, Any]:
    """What torch.save has written: a zip archive, or a bare pickle in files from before 2020."""
    if start.startswith(_ZIP_START):
        _check_archive(path)
    elif not start.startswith(_PICKLE_START):
        if path.suffix == ".safetensors":
            raise BadWeights(f"{path} is a damaged safetensors file: its header is cut off or is none.")
        raise BadWeights(f"{path} is neither a torch checkpoint nor a safetensors file.")
    try:
        # An open file: by a path, torch would judge by the ending of its name.
        with path.open("rb") as file, warnings.catch_warnings():
            # It warns of foreign pickles before it refuses them.
            warnings.simplefilter("ignore")
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if found := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise BadWeights(
                f"{path} holds Python objects ({found[1]}), which could run code when they are read; save the "
                "network's state_dict() alone."
            ) from None
        raise BadWeights(f"{path} is a damaged torch checkpoint, or another kind of pickle.") from None
    except Exception as error:
        # torch's reader fails in many ways on bytes that are not its own.
        raise BadWeights(f"{path} is a damaged torch checkpoint: {_first_line(error)}.") from None
    if not isinstance(content, Mapping):
        raise BadWeights(f"{path} holds a {type(content).__name__}, not a state_dict.")
    return content


def _check_archive(path: Path) -> None:
    """Raises BadWeights for archives that torch would not read as weights."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.partition("/")[2] for name in archive.namelist()]
    except zipfile.BadZipFile:
        raise BadWeights(f"{path} is a damaged torch checkpoint: the archive is cut off.") from None
    if "constants.pkl" in names:
        raise BadWeights(
            f"{path} is a TorchScript file, which holds code; save the state_dict() of the network it was made from."
        )
    if "data.pkl" not in names:
        raise BadWeights(f"{path} is a zip archive, but no torch checkpoint.")


def _unwrapped(path: Path, entries: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """The mapping of names to tensors in a checkpoint.

    Raises:
        BadWeights: there is none.
    """
    for _ in range(_DEEPEST_WRAPPER):
        inside = next((entries[name] for name in _WRAPPERS if isinstance(entries.get(name), Mapping)), None)
        if inside is None:
            break
        entries = inside
    if {"state", "param_groups"} <= entries.keys():
        raise BadWeights(f"{path} holds the state of an optimizer, not the weights of a network.")
    return entries


def _check(path: Path, named: Mapping[str, Any]) -> None:
    """Raises BadWeights where something is no plain tensor, or holds numbers that no trained network has."""
    if not named:
        raise BadWeights(f"{path} holds no weights.")
    for name, value in named.items():
        if not isinstance(value, Tensor):
            raise BadWeights(f"{path} holds no state_dict: its entry {name!r} is a {type(value).__name__}.")
        if value.is_meta:
            raise BadWeights(f"{path} holds {name} without its values (a tensor of the device meta).")
        if value.is_quantized or value.layout != torch.strided or value.is_complex() or value.dtype in _PACKED:
            raise BadWeights(f"{path} holds {name} in a form that is not plain numbers.")
        if value.is_floating_point() and not torch.isfinite(value.float()).all():
            raise BadWeights(f"{path} holds values in {name} that are not finite.")
        if name.endswith("running_var") and (value.float() < 0).any():
            raise BadWeights(f"{path} holds variances in {name} that are below zero.")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".:")
