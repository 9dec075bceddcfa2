"""A classifier's recipe adapted: to photographs of any size, to other options, to weights that training starts from.

Everything that decides the form of the network and its input is decided here, once, so that size, stem, colour,
batches and rates agree with one another.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from export.public_weights.inputs import GRAY, IMAGENET, Input, cropped
from export.recipes.recipe import ClassificationRecipe
from export.recipes.start import Start
from models import facts_of
from service.repository.artifact import Preprocessing

SMALL_UP_TO_PX = 64
"""Edge up to which a network gets the stem for small pictures, if it has one."""
_SMALL_PX = 32
"""Edge for networks with that stem where nobody names another."""
_EDGES_PX = range(8, 1025)
_BATCH_SIZE = 32
_FINE_TUNING_EPOCHS = 10
_FROZEN_EPOCHS = 2


def adapted(
    recipe: ClassificationRecipe,
    *,
    own_pictures: str | None = None,
    edge_px: int | None = None,
    options: Mapping[str, Any] | None = None,
    start: Start | None = None,
) -> ClassificationRecipe:
    """The same training on a folder of pictures called `own_pictures`, from weights, or with other options.

    Own pictures have no accuracy to reach, since none was ever measured there. The digit networks keep their small
    input. The others take colour pictures, cut out in the middle, `edge_px` square: as in the network's paper where
    nothing is said. Weights decide options and colour, and the input too where it is known and no edge is named. From
    pictures larger than 64 pixels a network learns in smaller batches. Training from weights has the head learn
    alone first, then all of it, at a tenth of the rate.

    Raises:
        ValueError: the network takes pictures of one size only, the edge is out of its range, or the weights are for
            pictures that are neither gray nor colour.
    """
    if own_pictures is not None:
        recipe = recipe.on_other_data(own_pictures, keeps_polarity=False)
    if own_pictures is None and start is None:
        return replace(recipe, options={**recipe.options, **(options or {})})
    found = _input(recipe, edge_px, start)
    edge = max(found.preprocessing.height or 0, found.preprocessing.width or 0)
    if found.preprocessing.model_copy(update={"polarity": None}) != recipe.preprocessing.model_copy(
        update={"polarity": None}
    ):
        recipe = replace(recipe, augmentation=replace(recipe.augmentation, crop_padding_px=edge // 8))
    if edge > SMALL_UP_TO_PX:
        share = _BATCH_SIZE / recipe.batch_size
        recipe = replace(recipe, batch_size=_BATCH_SIZE, learning_rate=recipe.learning_rate * share)
    recipe = replace(
        recipe,
        preprocessing=found.preprocessing,
        pixel_mean=found.pixel_mean,
        pixel_std=found.pixel_std,
        options=start.options if start else {**_options(recipe, edge), **(options or {})},
    )
    return _fine_tuned(recipe, start) if start else recipe


def _fine_tuned(recipe: ClassificationRecipe, start: Start) -> ClassificationRecipe:
    return replace(
        recipe,
        initial_weights=start.sha256,
        epochs=_FINE_TUNING_EPOCHS,
        frozen_epochs=_FROZEN_EPOCHS,
        learning_rate=recipe.learning_rate / 10,
        warmup_epochs=0.5,
    )


def _options(recipe: ClassificationRecipe, edge_px: int) -> dict[str, Any]:
    """The recipe's options, without the small stem where pictures are large."""
    return {key: value for key, value in recipe.options.items() if key != "stem" or edge_px <= SMALL_UP_TO_PX}


def _input(recipe: ClassificationRecipe, edge_px: int | None, start: Start | None) -> Input:
    """How pictures are prepared.

    Raises:
        ValueError: see `adapted`.
    """
    if edge_px is not None and edge_px not in _EDGES_PX:
        raise ValueError(f"the edge of pictures must be from {_EDGES_PX[0]} to {_EDGES_PX[-1]} pixels, not {edge_px}")
    if start and start.in_channels not in (1, 3):
        raise ValueError(f"the weights are for pictures of {start.in_channels} channels, not of 1 or 3")
    facts = facts_of(recipe.model)
    own = Input(preprocessing=recipe.preprocessing, pixel_mean=recipe.pixel_mean, pixel_std=recipe.pixel_std)
    if facts.in_channels == 1:
        if edge_px not in (None, recipe.input_px[0]):
            raise ValueError(f"{recipe.model} takes pictures of {recipe.input_px[0]} pixels only")
        known = start.input if start else own
        if known is None:
            raise ValueError(f"how pictures are prepared for {recipe.model} in colour is not known")
        return _with_polarity(known, own.preprocessing)
    if start and start.input and edge_px is None:
        return _with_polarity(start.input, own.preprocessing)
    if edge_px is None:
        edge_px = _SMALL_PX if start and start.options.get("stem") == "small" else facts.input_px[0]
    is_gray = start is not None and start.in_channels == 1
    pixels = (start.input if start else None) or (GRAY if is_gray else IMAGENET)
    shortest_edge_px = edge_px if edge_px <= SMALL_UP_TO_PX else round(edge_px * 256 / 224)
    preprocessing = cropped(edge_px, shortest_edge_px, pixels.preprocessing.interpolation)
    if is_gray:
        preprocessing = preprocessing.model_copy(update={"colour": "gray"})
    return _with_polarity(pixels.model_copy(update={"preprocessing": preprocessing}), own.preprocessing)


def _with_polarity(found: Input, data: Preprocessing) -> Input:
    """The same input with what is known of the strokes in the data; colour pictures have none."""
    polarity = data.polarity if found.preprocessing.colour == "gray" else None
    return found.model_copy(update={"preprocessing": found.preprocessing.model_copy(update={"polarity": polarity})})
