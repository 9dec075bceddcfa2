"""Checks that a graph does what its metadata says: by what it states of itself, and by trying it on black pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from service.inference.session import RunFailed, Session, TensorSpec
from service.repository.artifact import InvalidArtifact, Metadata, Preprocessing, Task

# Where a classifier takes any size, it is tried on this one.
_TRIAL_EDGE_PX: Final = 224
# A segmenter is tried on pictures of these heights and widths, in batches of one and two.
_TRIAL_SIZES_PX: Final = ((64, 64), (65, 97))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Interface:
    """Inputs and outputs of the graphs for a task: element type and axes of each."""

    inputs: dict[str, tuple[str, str]]
    outputs: dict[str, tuple[str, str]]


_INTERFACES: dict[Task, _Interface] = {
    "image-classification": _Interface(
        inputs={"image": ("uint8", "NHWC"), "target": ("int64", "N")},
        outputs={"logits": ("float", "NC"), "cam": ("float", "Nhw")},
    ),
    "image-segmentation": _Interface(inputs={"image": ("uint8", "NHWC")}, outputs={"logits": ("float", "NCHW")}),
}


def check_contract(session: Session, metadata: Metadata) -> None:
    """See that the graph is one for its task; what it is tried on is its warm-up as well.

    Raises:
        InvalidArtifact: It is not; one sentence says where.
    """
    _check_interface(session, metadata)
    if metadata.task == "image-classification":
        for batch in (1, 2):
            _try_classifier(session, metadata, batch)
    else:
        for batch, size_px in enumerate(_TRIAL_SIZES_PX, start=1):
            _try_segmenter(session, metadata, batch, size_px)


def _check_interface(session: Session, metadata: Metadata) -> None:
    """Compare what the graph says about its inputs and outputs with the metadata; open dimensions pass here."""
    spec, classes, wanted = metadata.preprocessing, len(metadata.labels), _INTERFACES[metadata.task]
    if set(session.inputs) != set(wanted.inputs):
        raise InvalidArtifact(
            f"The graph has the inputs {_names(session.inputs)} and must have {' and '.join(wanted.inputs)}."
        )
    if not set(wanted.outputs) <= set(session.outputs):
        raise InvalidArtifact(
            f"The graph has the outputs {_names(session.outputs)} and must have {' and '.join(wanted.outputs)}."
        )
    for name, (dtype, axes) in wanted.inputs.items():
        _check_tensor(f"input {name}", session.inputs[name], dtype, axes)
    for name, (dtype, axes) in wanted.outputs.items():
        _check_tensor(f"output {name}", session.outputs[name], dtype, axes)
    sizes = (("height", spec.height), ("width", spec.width), ("channels", spec.channels))
    for size, (dimension, expected) in zip(session.inputs["image"].shape[1:], sizes, strict=True):
        if size is not None and size != expected:
            raise InvalidArtifact(
                f"The graph takes pictures of {dimension} {size}, its preprocessing makes {expected or 'any'}."
            )
    stated = session.outputs["logits"].shape[1]
    if stated is not None and stated != classes:
        raise InvalidArtifact(f"The graph has logits for {stated} classes, its metadata has {classes} labels.")


def _check_tensor(what: str, tensor: TensorSpec, dtype: str, dimensions: str) -> None:
    layout = f"({', '.join(dimensions)}{',' if len(dimensions) == 1 else ''})"
    if tensor.dtype != dtype:
        raise InvalidArtifact(f"The {what} holds {tensor.dtype} and must hold {dtype}.")
    if len(tensor.shape) != len(dimensions):
        raise InvalidArtifact(f"The {what} has {len(tensor.shape)} dimensions and must be {layout}.")
    if tensor.shape[0] is not None:
        raise InvalidArtifact(f"The {what} is fixed to batches of {tensor.shape[0]}; any batch must pass.")


def _try_classifier(session: Session, metadata: Metadata, batch: int) -> None:
    """What a graph states and what it computes may differ, above all in its batch."""
    spec, classes = metadata.preprocessing, len(metadata.labels)
    pictures = np.zeros((batch, *_trial_size(spec), spec.channels), np.uint8)
    targets = np.full(batch, -1, np.int64)
    try:
        logits, cam = session.run(["logits", "cam"], {"image": pictures, "target": targets})
    except RunFailed as error:
        raise InvalidArtifact(str(error).replace("be run", f"be run on a batch of {batch}", 1)) from None
    if logits.shape != (batch, classes):
        raise InvalidArtifact(
            f"The graph answers a batch of {batch} with logits of shape {logits.shape}, not {(batch, classes)}."
        )
    if cam.ndim != 3 or cam.shape[0] != batch or not cam.size:
        raise InvalidArtifact(f"The graph answers a batch of {batch} with a cam of shape {cam.shape}.")
    if not (np.isfinite(logits).all() and np.isfinite(cam).all()):
        raise InvalidArtifact("The graph answers a black picture with values that are not finite.")


def _try_segmenter(session: Session, metadata: Metadata, batch: int, size_px: tuple[int, int]) -> None:
    """Each trial has a batch and a (height, width) of its own: neither may be frozen in the graph."""
    pictures = np.zeros((batch, *size_px, metadata.preprocessing.channels), np.uint8)
    tried = f"{batch} pictures of {size_px[1]}x{size_px[0]}" if batch > 1 else f"a picture of {size_px[1]}x{size_px[0]}"
    try:
        (logits,) = session.run(["logits"], {"image": pictures})
    except RunFailed as error:
        raise InvalidArtifact(str(error).replace("be run", f"be run on {tried}", 1)) from None
    expected = batch, len(metadata.labels), *size_px
    if logits.shape != expected:
        raise InvalidArtifact(f"The graph answers {tried} with logits of shape {logits.shape}, not {expected}.")
    if not np.isfinite(logits).all():
        raise InvalidArtifact("The graph answers a black picture with values that are not finite.")


def _trial_size(spec: Preprocessing) -> tuple[int, int]:
    return spec.height or _TRIAL_EDGE_PX, spec.width or _TRIAL_EDGE_PX


def _names(tensors: Mapping[str, TensorSpec]) -> str:
    return ", ".join(sorted(tensors)) or "(none)"
