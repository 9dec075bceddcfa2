"""What a worker can serve at one moment: an immutable snapshot that is replaced whole, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from service.errors import NotReady, UnknownModel, UnknownVersion
from service.repository.folder import Published

Loaded = TypeVar("Loaded")
State = Literal["loading", "ready", "failed"]

_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry(Generic[Loaded]):
    """One version of one model."""

    published: Published
    state: State
    reason: str | None = None
    """Why it failed, one sentence; None otherwise."""
    model: Loaded | None = None
    """The model, once it is loaded."""

    @property
    def key(self) -> tuple[str, int]:
        """Name and version."""
        return self.published.name, self.published.version


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalog(Generic[Loaded]):
    """Every known version, and per model the version that answers when none is named."""

    entries: Mapping[tuple[str, int], Entry[Loaded]] = field(default_factory=dict)
    current: Mapping[str, int] = field(default_factory=dict)
    scanned: bool = False
    """Whether the repository has been looked at once."""

    def find(self, name: str, version: int | None = None) -> Loaded:
        """The model that answers for a name, or the version that is asked for.

        Raises:
            UnknownModel: nothing of that name is published.
            UnknownVersion: the model has no such version, or it is no longer kept.
            NotReady: it is still loading, or failed to load.
        """
        if version is None:
            version = self.current.get(name)
        entry = self.entries.get((name, version)) if version is not None else None
        if entry is None:
            raise self._missing(name, version)
        if entry.model is None:
            raise NotReady(_not_ready(entry))
        return entry.model

    def versions(self, name: str) -> list[Entry[Loaded]]:
        """All entries of a model, oldest version first; empty when there is no such model."""
        return sorted((entry for key, entry in self.entries.items() if key[0] == name), key=lambda entry: entry.key)

    def _missing(self, name: str, version: int | None) -> UnknownModel | UnknownVersion | NotReady:
        known = self.versions(name)
        if not known:
            if not self.scanned:
                return NotReady("The models are still being loaded.")
            shown = name if len(name) <= _SHOWN_CHARACTERS else f"{name[:_SHOWN_CHARACTERS]}..."
            return UnknownModel(f"There is no model named {shown!r}.")
        if version is None:
            return NotReady(_not_ready(known[-1]))
        return UnknownVersion(f"Model {name!r} has no version {version}.")

    def settled(self) -> bool:
        """Whether every model is ready or failed: nothing is loading that has no other version to answer."""
        if not self.scanned:
            return False
        return all(entry.state != "loading" or name in self.current for (name, _), entry in self.entries.items())

    def can_answer(self, required: tuple[str, ...]) -> bool:
        """Whether every required model, else at least one, can answer."""
        return all(name in self.current for name in required) if required else bool(self.current)


def _not_ready(entry: Entry[Loaded]) -> str:
    name, version = entry.key
    if entry.state == "failed":
        return f"Version {version} of model {name!r} failed to load: {entry.reason}"
    return f"Version {version} of model {name!r} is still being loaded."
