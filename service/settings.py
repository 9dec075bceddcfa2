"""Every setting of the service in one typed object, read from CONVOY_ variables; docs/settings.md follows it."""

import difflib
import ipaddress
import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "CONVOY_"
# Read by the offline pipeline, so not a misspelling when the service sees it.
OFFLINE_NAMES = frozenset({"CONVOY_DATA"})


class InvalidSettings(ValueError):
    """A setting cannot work; the message is one sentence."""


class Settings(BaseSettings):
    """What the service can be told; frozen, and complete at start."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, use_attribute_docstrings=True, env_ignore_empty=True
    )

    host: str = "127.0.0.1"
    """IP address to listen on; 0.0.0.0 for every interface."""
    port: int = Field(default=3000, ge=1, le=65535)
    """TCP port to listen on."""
    workers: int = Field(default=1, ge=1, le=64)
    """Worker processes. One is best where the threads can use every core: models are then in memory once."""
    threads: int | None = Field(default=None, ge=1, le=256)
    """Inference threads per worker. Unset: the cores of the affinity mask or the container's CPU quota,
    whichever is less, divided among the workers."""
    repository: Path = Path("model_repository")
    """Folder of published models."""
    provider: Literal["auto", "cpu", "cuda"] = "auto"
    """Execution provider of onnxruntime; auto takes CUDA where it works and the CPU otherwise."""
    required_models: Annotated[tuple[str, ...], NoDecode] = ()
    """Models that must be ready before /readyz says 200, separated by commas; empty: at least one model."""
    default_model: str | None = None
    """Model for /classify, /cam and /segment when the caller names none; unset: the first by name that can."""
    versions_kept: int = Field(default=2, ge=1, le=100)
    """Newest valid versions of a model that stay loaded, so that callers who name one can move over."""
    watch_interval_s: float = Field(default=5.0, ge=0.05, le=3600)
    """Seconds between two looks at the repository."""
    max_body_bytes: int = Field(default=32 * 1024 * 1024, ge=1024)
    """Largest request body in bytes; a larger one gets 413."""
    max_pixels: int = Field(default=50_000_000, ge=1, le=89_478_485)
    """Most pixels of one picture, read from its header before it is decoded; more get 413."""
    max_images: int = Field(default=32, ge=1, le=1024)
    """Most pictures in one request; more get 413."""
    max_batch: int = Field(default=16, ge=1, le=1024)
    """Most pictures that go through a network in one run."""
    queue_size: int = Field(default=64, ge=1, le=100_000)
    """Most requests per worker that wait for an inference thread; further ones get 503."""
    deadline_s: float = Field(default=10.0, gt=0, le=3600)
    """Seconds from the arrival of the whole body to the answer; then 504."""
    tile_deadline_s: float = Field(default=60.0, gt=0, le=3600)
    """The same for pictures that are segmented in tiles."""
    upload_timeout_s: float = Field(default=30.0, gt=0, le=3600)
    """Seconds that a body may take to arrive; then 408."""
    keep_alive_s: int = Field(default=75, ge=1, le=3600)
    """Seconds that an idle connection stays open; longer than the load balancer's own."""
    drain_s: int = Field(default=60, ge=1, le=3600)
    """Seconds that running requests get to finish after a stop signal; with less than `CONVOY_TILE_DEADLINE_S`, a stop
    may lose masks."""
    max_class_labels: int = Field(default=100, ge=1, le=10_000)
    """Classes of a model that get a time series of their own in the metrics; the rest count as other."""
    access_log: bool = True
    """One JSON line per request on standard output; none for probes and scrapes that went well."""

    @field_validator("host")
    @classmethod
    def _host_is_an_address(cls, value: str) -> str:
        try:
            return str(ipaddress.ip_address(value))
        except ValueError:
            raise ValueError("it has to be an IP address, such as 127.0.0.1 or 0.0.0.0") from None

    @field_validator("required_models", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @classmethod
    def from_environment(cls) -> Self:
        """Read and check the CONVOY_ variables.

        Raises:
            InvalidSettings: one of them has a value that cannot work.
        """
        try:
            settings = cls()
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = PREFIX + str(first["loc"][0]).upper()
            reason = first["msg"].removeprefix("Value error, ")
            reason = reason[0].lower() + reason[1:]
            raise InvalidSettings(f"{name}={first['input']} cannot work: {reason}.") from None
        return settings

    def check_repository(self) -> None:
        """Look whether the repository is there; asked once before the port opens, for a running service outlives it.

        Raises:
            InvalidSettings: it is no folder, or cannot be read.
        """
        if not self.repository.is_dir():
            raise InvalidSettings(f"{PREFIX}REPOSITORY={self.repository} cannot work: there is no such folder.")
        if not os.access(self.repository, os.R_OK | os.X_OK):
            raise InvalidSettings(f"{PREFIX}REPOSITORY={self.repository} cannot work: it cannot be read.")


def misspelled_names(environment: dict[str, str]) -> list[str]:
    """One sentence for each CONVOY_ variable that is not a setting.

    Only a warning: Kubernetes puts variables of its own making beside ours when a service is named convoy.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    sentences = []
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known | OFFLINE_NAMES:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else "."
            sentences.append(f"{name} is not a setting and has no effect{hint}")
    return sentences


_PAGE_HEAD = """# Settings

Every setting is an environment variable. A value that cannot work ends the start with one sentence and a
non-zero exit code before the port opens. This page is written by `make docs` from service/settings.py.

| variable | default | meaning |
| --- | --- | --- |
"""


def settings_page() -> str:
    """The Markdown of docs/settings.md."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = "" if default in (None, ()) else str(default).lower() if isinstance(default, bool) else str(default)
        meaning = " ".join((field.description or "").split())
        rows.append(f"| `{PREFIX}{name.upper()}` | {f'`{shown}`' if shown else 'unset'} | {meaning} |")
    return _PAGE_HEAD + "\n".join(rows) + "\n"
