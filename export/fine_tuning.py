"""Training that starts from weights: what a file demands of it, and a network that takes over what it can use."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from export.errors import BadWeights
from export.public_weights.inputs import Input
from export.public_weights.reading import read_weights
from export.public_weights.trunks import fill, open_trunk
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
    weights = read_weights(file)
    trunk = open_trunk(model, weights, options)
    return Start(sha256=weights.sha256, options=dict(trunk.options), in_channels=trunk.in_channels, input=trunk.input)


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
    """Load what the network can use, see export.public_weights.trunks.

    Raises:
        BadWeights: it is another file than the one that the recipe was made for.
        OSError: it cannot be opened.
    """
    weights = read_weights(file)
    if weights.sha256 != recipe.initial_weights:
        raise BadWeights(f"{file} has changed since this training was begun; --force trains anew.")
    fill(network, recipe.model, weights)
