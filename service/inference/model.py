"""Loads a published version of a model, once its graph has shown that it does what its metadata says."""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

from service.inference.contract import check_contract
from service.inference.session import ProviderName, Session, open_session
from service.repository.artifact import MODEL_FILE, InvalidArtifact, Metadata


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
    spec = metadata.preprocessing
    if spec.interpolation == "lanczos" and not spec.antialias:
        raise InvalidArtifact("The preprocessing asks for lanczos without antialias, which does not exist.")
    check_contract(session, metadata)
    return LoadedModel(
        name=name,
        version=version,
        metadata=metadata,
        session=session,
        digest=digest,
        load_duration_s=time.perf_counter() - started,
    )
