"""Models that are a line of text, and peers that say what they are told to."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from service.repository.artifact import InvalidArtifact
from service.repository.catalog import Catalog
from service.repository.folder import Published
from service.repository.peers import Peers, Standing
from service.repository.watcher import Repository

_NOBODY = 65534


def publish(root: Path, name: str, version: int, content: str = "good") -> Path:
    folder = root / name / str(version)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_text(content)
    return folder


def load(published: Published) -> str:
    content = (published.path / "model.onnx").read_text()
    if content == "bad":
        raise InvalidArtifact("It is bad.")
    if content == "broken":
        raise RuntimeError("boom")
    return f"{published.name} {published.version} {content}"


@dataclass
class FakePeers:
    standings: list[Standing] = field(default_factory=list)
    told: list[tuple[bool, Mapping[str, int]]] = field(default_factory=list)

    def tell(self, *, ready: bool, offers: Mapping[str, int]) -> None:
        self.told.append((ready, dict(offers)))

    def others(self) -> list[Standing]:
        return self.standings


def repository(
    root: Path,
    *,
    versions_kept: int = 2,
    peers: Peers | None = None,
    interval_s: float = 60,
    load: Callable[[Published], str] = load,
    on_change: Callable[[Catalog[str]], None] = lambda catalog: None,
) -> Repository[str]:
    return Repository(root, load, interval_s=interval_s, versions_kept=versions_kept, peers=peers, on_change=on_change)


@contextmanager
def without_privileges() -> Iterator[None]:
    """Root may read everything; whoever runs the tests may not, in here."""
    if os.geteuid():
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
