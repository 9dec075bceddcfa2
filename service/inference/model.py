"""Loads a published version of a model and checks that its graph does what its metadata says."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from service.inference.session import ProviderName, RunFailed, Session, TensorSpec, open_session
from service.repository.artifact import MODEL_FILE, InvalidArtifact, Metadata, Preprocessing

# Where a graph takes any size, it is tried on this one.
_TRIAL_EDGE_PX: Final = 224


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """One version of a model, checked, warm and ready to answer."""

    name: str
    version: int
    metadata: Metadata
    session: Session
    digest: str
    """SHA-256 of the ONNX file, hexadecimal."""
    load_duration_s: float
    """From reading the file to the end of the warm-up."""

    @property
    def provider(self) -> ProviderName:
        """What it runs on, as the session reports it."""
        return self.session.provider


def load_model(
    folder: Path, *, name: str, version: int, provider: ProviderName, intra_op_threads: int = 1
) -> LoadedModel:
    """Load the model in a version folder; its first two runs are a check and the warm-up in one.

    Raises:
        InvalidArtifact: The file is missing, is no ONNX file, or its graph and metadata do not fit the contract.
        ProviderUnavailable: The provider does not work here.
    """
    started = time.perf_counter()
    path = folder / MODEL_FILE
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InvalidArtifact(f"{MODEL_FILE} cannot be read: {error.strerror}.") from None
    session = open_session(path, provider=provider, intra_op_threads=intra_op_threads)
    metadata = Metadata.from_props(session.metadata_props)
    if metadata.task != "image-classification":
        raise InvalidArtifact(f"The task of the model is {metadata.task}, this release serves image-classification.")
    spec = metadata.preprocessing
    if spec.interpolation == "lanczos" and not spec.antialias:
        raise InvalidArtifact("The preprocessing asks for lanczos without antialias, which does not exist.")
    _check_interface(session, metadata)
    for batch in (1, 2):
        _try_batch(session, metadata, batch)
    return LoadedModel(
        name=name,
        version=version,
        metadata=metadata,
        session=session,
        digest=digest,
        load_duration_s=time.perf_counter() - started,
    )


def _check_interface(session: Session, metadata: Metadata) -> None:
    """Compare what the graph says about its inputs and outputs with the metadata; open dimensions pass here."""
    spec, classes = metadata.preprocessing, len(metadata.labels)
    if set(session.inputs) != {"image", "target"}:
        raise InvalidArtifact(f"The graph has the inputs {_names(session.inputs)} and must have image and target.")
    if not {"logits", "cam"} <= set(session.outputs):
        raise InvalidArtifact(f"The graph has the outputs {_names(session.outputs)} and must have logits and cam.")
    _check_tensor("input image", session.inputs["image"], "uint8", "NHWC")
    _check_tensor("input target", session.inputs["target"], "int64", "N")
    _check_tensor("output logits", session.outputs["logits"], "float", "NC")
    _check_tensor("output cam", session.outputs["cam"], "float", "Nhw")
    wanted = (("height", spec.height), ("width", spec.width), ("channels", spec.channels))
    for size, (dimension, expected) in zip(session.inputs["image"].shape[1:], wanted, strict=True):
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


def _try_batch(session: Session, metadata: Metadata, batch: int) -> None:
    """Run black pictures: what a graph states and what it computes may differ, above all in its batch."""
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


def _trial_size(spec: Preprocessing) -> tuple[int, int]:
    return spec.height or _TRIAL_EDGE_PX, spec.width or _TRIAL_EDGE_PX


def _names(tensors: Mapping[str, TensorSpec]) -> str:
    return ", ".join(sorted(tensors)) or "(none)"
