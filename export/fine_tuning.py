"""Training that starts from weights: the recipe for it, and a network that takes all of them but its head."""

from dataclasses import replace
from pathlib import Path

from export.errors import BadWeights
from export.public_weights.fitting import as_named_here, form_of
from export.public_weights.known_files import input_of
from export.public_weights.reading import Weights, read_weights
from export.recipes.own_pictures import fine_tuned
from export.recipes.recipe import Recipe
from models.classifier import Classifier


def from_weights(recipe: Recipe, file: Path) -> Recipe:
    """The recipe for going on from a file: its network's form and, where it is known, its own input.

    Raises:
        BadWeights: the file cannot be used, or is for pictures of other channels than the recipe's.
        OSError: it cannot be opened.
    """
    weights = read_weights(file)
    form = form_of(recipe.model, weights, {})
    prepared = input_of(recipe.model, form, weights.sha256)
    recipe = fine_tuned(replace(recipe, options=dict(form.options)), weights_sha256=weights.sha256)
    if prepared is not None:
        polarity = recipe.preprocessing.polarity
        return replace(
            recipe,
            preprocessing=prepared.preprocessing.model_copy(update={"polarity": polarity}),
            pixel_mean=prepared.pixel_mean,
            pixel_std=prepared.pixel_std,
        )
    if recipe.preprocessing.channels != form.in_channels:
        raise BadWeights(f"{file} is for pictures of {form.in_channels} channels, {recipe.dataset} is not.")
    return recipe


def load_trunk(network: Classifier, recipe: Recipe, file: Path) -> None:
    """Load everything but the heads, whose classes are others; auxiliary classifiers may be left out of the file.

    Raises:
        BadWeights: it is another file than the one that the recipe was made for.
        OSError: it cannot be opened.
    """
    weights = read_weights(file)
    if weights.sha256 != recipe.initial_weights:
        raise BadWeights(f"{file} has changed since this training was begun; --force trains anew.")
    network.load_state_dict({**network.state_dict(), **_trunk(network, recipe, weights)})


def _trunk(network: Classifier, recipe: Recipe, weights: Weights) -> dict[str, object]:
    heads = tuple(f"{name}." for name in network.heads)
    tensors = as_named_here(recipe.model, weights.tensors)
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(heads)}
