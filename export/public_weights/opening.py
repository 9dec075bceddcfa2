"""A file of weights with all that is known of it: from its bytes, from public files, from a run that it lies in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.checkpoint import CheckpointFacts
from export.errors import UsageError
from export.public_weights.fitting import Form, form_of
from export.public_weights.inputs import Input
from export.public_weights.known_files import input_of
from export.public_weights.reading import Weights, read_weights

_CHECKPOINT, _FACTS = "checkpoint.pt", "checkpoint.json"
"""What a run calls its weights and the facts beside them, see export.run_folder."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """Weights that fit a network."""

    weights: Weights
    form: Form
    input: Input | None
    """How pictures are prepared for them; None where that is not known."""
    labels: tuple[str, ...] | None
    """Names of the classes, where a run of ours says them."""


def open_weights(model: str, file: Path, options: Mapping[str, Any]) -> Opened:
    """Read a file for the network `model`; `options` says what shapes alone cannot tell.

    Raises:
        BadWeights: the file cannot be read, or does not fit the network.
        UsageError: the network has no such option.
        OSError: it cannot be opened.
    """
    return with_facts(model, read_weights(file), options)


def with_facts(model: str, weights: Weights, options: Mapping[str, Any]) -> Opened:
    """The same for a file that has been read.

    Raises:
        BadWeights, UsageError: see `open_weights`.
    """
    facts = _facts_beside(weights.path, model)
    try:
        form = form_of(model, weights, {**(facts.recipe.options if facts else {}), **options})
    except ValueError as error:
        raise UsageError(f"{error}.") from None
    if facts is None:
        return Opened(weights=weights, form=form, input=input_of(model, form, weights.sha256), labels=None)
    recipe = facts.recipe
    own = Input(preprocessing=recipe.preprocessing, pixel_mean=recipe.pixel_mean, pixel_std=recipe.pixel_std)
    return Opened(weights=weights, form=form, input=own, labels=facts.labels)


def _facts_beside(file: Path, model: str) -> CheckpointFacts | None:
    """What a training of this network wrote beside its weights; None where the file is of no run."""
    if file.name != _CHECKPOINT:
        return None
    try:
        facts = CheckpointFacts.from_json(file.with_name(_FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if facts.recipe.model == model else None
