"""Weights of a finished training with a sidecar of facts: what the later stages know of the training."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

import torch
from torch import Tensor

from export.atomic import write_whole
from export.errors import BadData
from export.recipes.recipe import Recipe, recipe_from_dict
from export.run_folder import RunFolder


@dataclass(frozen=True, kw_only=True)
class CheckpointFacts:
    """What stands beside the weights."""

    recipe: Recipe
    labels: tuple[str, ...]
    """Names of the classes, in the order of the logits."""
    score: str
    """What the weights were chosen by, such as "accuracy"."""
    validation_score: float
    """Of the kept weights, in [0, 1]."""
    epoch: int
    """Epoch of the kept weights, counted from 1."""
    training_s: float
    """Wall-clock seconds of all epochs."""
    command: str
    """The command that trained them."""
    source_revision: str
    """Commit of the code that trained them, see export.provenance."""
    versions: dict[str, str]
    """Library versions that trained them."""

    def to_json(self) -> str:
        """JSON text; the recipe's fingerprint stands in it for people to compare."""
        values = {**asdict(self), "recipe": self.recipe.to_dict(), "fingerprint": self.recipe.fingerprint()}
        return json.dumps(values, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of `to_json`.

        Raises:
            ValueError: the text is not such a sidecar.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            values.pop("fingerprint")
            recipe, labels = recipe_from_dict(values.pop("recipe")), tuple(values.pop("labels"))
            return cls(recipe=recipe, labels=labels, **values)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a sidecar of this version: {error}") from None


def save_checkpoint(run: RunFolder, weights: dict[str, Tensor], facts: CheckpointFacts) -> None:
    """Write weights and sidecar, each by one rename, the weights last: where they stand, both are whole."""
    write_whole(run.checkpoint_facts, lambda path: path.write_text(facts.to_json(), encoding="utf-8"))
    write_whole(run.checkpoint, lambda path: torch.save(weights, path))


def load_facts(run: RunFolder) -> CheckpointFacts:
    """The sidecar alone, without the weights.

    Raises:
        MissingStage: the training has not finished.
        BadData: the sidecar is damaged.
    """
    run.need(run.checkpoint, "train")
    try:
        return CheckpointFacts.from_json(run.need(run.checkpoint_facts, "train").read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadData(f"{run.checkpoint_facts} cannot be read: {error}.") from None
