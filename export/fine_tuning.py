"""Training that starts from weights: what a file demands of it, and a network that takes all of it but its head."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from export.errors import BadWeights
from export.public_weights.fitting import as_named_here
from export.public_weights.inputs import Input
from export.public_weights.opening import open_weights
from export.public_weights.reading import read_weights
from export.recipes.recipe import Recipe
from export.recipes.start import Start
from export.run_folder import RunFolder, open_run
from models.network import Network


def start_from(model: str, file: Path, options: Mapping[str, Any]) -> Start:
    """Read what the file demands; `options` says what shapes alone cannot tell.

    Raises:
        BadWeights: the file cannot be read, or does not fit the network.
        UsageError: the network has no such option.
        OSError: it cannot be opened.
    """
    opened = open_weights(model, file, options)
    form = opened.form
    return Start(
        sha256=opened.weights.sha256, options=dict(form.options), in_channels=form.in_channels, input=opened.input
    )


def start_noted(run: RunFolder, file: Path) -> Start | None:
    """What the file demanded when a training that can go on without it was begun; None where there is no such."""
    if not run.last.is_file():
        return None
    noted = open_run(run.path, run.model, data_dir=None)
    if noted.weights != file.resolve():
        return None
    recipe = noted.recipe
    return Start(
        sha256=recipe.initial_weights,
        options=recipe.options,
        in_channels=recipe.preprocessing.channels,
        input=Input(preprocessing=recipe.preprocessing, pixel_mean=recipe.pixel_mean, pixel_std=recipe.pixel_std),
    )


def load_trunk(network: Network, recipe: Recipe, file: Path) -> None:
    """Load everything but the heads, whose classes are others; auxiliary classifiers may be left out of the file.

    Raises:
        BadWeights: it is another file than the one that the recipe was made for.
        OSError: it cannot be opened.
    """
    weights = read_weights(file)
    if weights.sha256 != recipe.initial_weights:
        raise BadWeights(f"{file} has changed since this training was begun; --force trains anew.")
    heads = tuple(f"{name}." for name in network.heads)
    tensors = as_named_here(recipe.model, weights.tensors)
    trunk = {name: tensor for name, tensor in tensors.items() if not name.startswith(heads)}
    network.load_state_dict({**network.state_dict(), **trunk})
