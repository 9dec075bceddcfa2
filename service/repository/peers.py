"""How the workers of one service agree: each keeps a small file in a shared folder, readable by the others."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from service.processes import is_running


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What one worker says of itself."""

    pid: int
    ready: bool
    offers: Mapping[str, int]
    """Per model the newest version that it has loaded and could answer with."""


class Peers(Protocol):
    """The other workers of the same service."""

    def tell(self, *, ready: bool, offers: Mapping[str, int]) -> None:
        """Let the others know how this worker stands."""

    def others(self) -> list[Standing]:
        """How the other living workers stand."""


class NoPeers:
    """A service of one worker."""

    def tell(self, *, ready: bool, offers: Mapping[str, int]) -> None:
        """Nobody listens."""

    def others(self) -> list[Standing]:
        """Nobody is there."""
        return []


class PeerFiles:
    """Workers on one machine; the file of a dead one counts no longer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own = folder / f"worker-{os.getpid()}.json"
        self._told = ""

    def tell(self, *, ready: bool, offers: Mapping[str, int]) -> None:
        """Replace this worker's file, atomically, when something has changed."""
        text = json.dumps({"pid": os.getpid(), "ready": ready, "offers": dict(offers)})
        if text == self._told and self._own.exists():
            return
        fresh = self._own.with_suffix(".tmp")
        fresh.write_text(text)
        fresh.replace(self._own)
        self._told = text

    def others(self) -> list[Standing]:
        """Read the other files; those of dead workers are removed."""
        standings = []
        for path in self._folder.glob("worker-*.json"):
            if path == self._own:
                continue
            try:
                standing = Standing(**json.loads(path.read_text()))
            except (OSError, ValueError, TypeError):
                continue  # it vanished between the listing and the reading
            if is_running(standing.pid):
                standings.append(standing)
            else:
                path.unlink(missing_ok=True)
        return standings
