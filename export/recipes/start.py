"""What a file of weights demands of a training that starts from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from export.public_weights.inputs import Input


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a file of weights demands of a training that starts from it."""

    sha256: str
    """Of the file."""
    options: Mapping[str, Any]
    """What the network that starts from it is built with."""
    in_channels: int
    input: Input | None
    """How pictures were prepared for it; None where that is not known."""
