"""The publish stage: a verified artifact becomes the next version of its model, by one rename."""

import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import onnx

from export.artifact_files import artifact_files, digest
from export.atomic import write_whole
from export.card import render_card
from export.errors import PublishRefused
from export.run_folder import RunFolder
from export.verification import Verification, read_verification, shortfall
from service.inference.model import load_model
from service.repository.artifact import CARD_FILE, MODEL_FILE, InvalidArtifact, Metadata
from service.repository.folder import NAME, scan

_HIDDEN = re.compile(r"\.publishing-(?P<pid>[0-9]+)-[0-9a-f]{8}-(?P<host>.*)")
_FORGOTTEN_AFTER_S = 24 * 3600.0


@dataclass(frozen=True, kw_only=True)
class Publication:
    """A version that stands in the repository."""

    version: int
    path: Path
    is_new: bool
    """False where the newest version already had these bytes."""


def publish(run: RunFolder, repository: Path) -> Publication:
    """Put the run's artifact into the repository as the next version of its model.

    Raises:
        MissingStage: the artifact is not there, or was never verified.
        PublishRefused: it has changed since, it fell short, or the service could not load it.
    """
    _check_name(run.name)
    verification = check_verified(run)
    with hidden_folder(repository, run.name) as hidden:
        for file in artifact_files(run.path):
            shutil.copyfile(file, hidden / file.name)
        if digest(hidden) != verification.sha256:
            raise PublishRefused(f"{run.graph} has changed since it was verified; run {run.command('verify')!r} again.")
        return reveal(hidden, run.name, verification)


def check_verified(run: RunFolder) -> Verification:
    """Find that the run's artifact was verified and is good enough; gives what was measured.

    Raises:
        MissingStage: the artifact is not there, or was never verified.
        PublishRefused: it fell short.
    """
    verification = read_verification(run)
    if complaint := shortfall(verification, minimum_score=run.recipe.minimum_score):
        raise PublishRefused(f"{run.name} is not published. {complaint}")
    return verification


@contextmanager
def hidden_folder(repository: Path, name: str) -> Iterator[Path]:
    """An empty folder beside the versions of the model `name`, for `reveal`; gone afterwards.

    The service passes it over, and what an interrupted publish leaves of it is swept up by the next.

    Raises:
        PublishRefused: no model can have that name.
    """
    _check_name(name)
    home = repository / name
    home.mkdir(parents=True, exist_ok=True)
    _sweep(home)
    hidden = home / f".publishing-{os.getpid()}-{secrets.token_hex(4)}-{socket.gethostname()}"
    hidden.mkdir()
    try:
        yield hidden
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def reveal(hidden: Path, name: str, verification: Verification) -> Publication:
    """Make a verified artifact in a `hidden_folder` the next version, with what was measured and a card, by one rename.

    Raises:
        PublishRefused: the service could not load it.
    """
    _add_measurements(hidden / MODEL_FILE, verification)
    try:
        load_model(hidden, name=name, version=0, provider="cpu", intra_op_threads=1)
    except InvalidArtifact as error:
        raise PublishRefused(f"{name} is not published, because the service could not load it: {error}") from None
    write_whole(hidden / CARD_FILE, lambda path: path.write_text(render_card(hidden, name), encoding="utf-8"))
    for file in (*hidden.iterdir(), hidden):
        _to_disk(file)
    return _rename(hidden, hidden.parent)


def versions_of(repository: Path, name: str) -> dict[int, Path]:
    """Folder per published version of a model, oldest first; empty where there is none."""
    if not repository.is_dir():
        return {}
    found = scan(repository).published
    return {version: found[model, version].path for model, version in sorted(found) if model == name}


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise PublishRefused(f"{name!r} cannot be the name of a published model.")


def _add_measurements(file: Path, verification: Verification) -> None:
    """Write what was measured into the file."""
    proto = onnx.load(str(file), load_external_data=False)
    props = {entry.key: entry.value for entry in proto.metadata_props}
    metadata = Metadata.from_props(props)
    if quality := verification.quality:
        metadata = metadata.model_copy(
            update={"metrics": (quality.score, *quality.others), "baseline": quality.baseline}
        )
    onnx.helper.set_model_props(proto, {**props, **metadata.to_props(), **verification.to_props()})
    file.write_bytes(proto.SerializeToString(deterministic=True))


def _rename(hidden: Path, home: Path) -> Publication:
    """Rename to the next free version; whoever comes second takes the one after."""
    fingerprint = digest(hidden)
    version = 0
    while True:
        versions = versions_of(home.parent, home.name)
        newest = max(versions, default=0)
        if versions and digest(versions[newest]) == fingerprint:
            return Publication(version=newest, path=versions[newest], is_new=False)
        version = max(newest, version) + 1
        path = home / str(version)
        try:
            hidden.rename(path)
        except OSError:
            if not path.exists():
                raise
            continue
        _to_disk(home)
        return Publication(version=version, path=path, is_new=True)


def _sweep(home: Path) -> None:
    """Remove what interrupted publishes left: folders of dead processes here, old ones of other machines."""
    for folder in home.iterdir():
        mark = _HIDDEN.fullmatch(folder.name)
        if mark is None:
            continue
        if mark["host"] == socket.gethostname() and not _is_alive(int(mark["pid"])):
            shutil.rmtree(folder, ignore_errors=True)
            continue
        with suppress(FileNotFoundError):
            if time.time() - folder.stat().st_mtime > _FORGOTTEN_AFTER_S:
                shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
