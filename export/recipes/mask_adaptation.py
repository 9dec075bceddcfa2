"""A segmenter's recipe adapted: to photographs of any size, to other options, to weights that training starts from.

What the recipes say was measured on gray scenes of 96 pixels. Photographs are other data: they come in colour, larger,
and with nothing to compare a score with. Everything that this changes is decided here, once, so that size, stem,
colour, batches and rates agree with one another.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import sqrt
from typing import Any

from export.public_weights.inputs import GRAY, IMAGENET, of_any_size
from export.recipes.adaptation import SMALL_UP_TO_PX
from export.recipes.recipe import SegmentationRecipe
from export.recipes.start import Start
from service.inference.segmenter import PIXELS_AT_MOST

_EDGE_PX = 160
"""Shorter edge where nobody names another: that of Keras's example on Oxford-IIIT Pets."""
_EDGES_PX = range(16, 1025)
_BATCH_AT_LEAST = 2
_LONGEST = 4
"""Longer edge of a picture at most, in shorter edges."""
_FINE_TUNING_SHARE = 0.2


def adapted_masks(
    recipe: SegmentationRecipe,
    *,
    own_pictures: str | None = None,
    edge_px: int | None = None,
    options: Mapping[str, Any] | None = None,
    start: Start | None = None,
) -> SegmentationRecipe:
    """The same training on a folder of pictures called `own_pictures`, from weights, or with other options.

    On the recipe's own data, weights decide the network's options and nothing else: pictures stay as they are, and the
    rates are those that the recipe found for its trunk.

    Own pictures have no score to reach, since none was ever measured there. Their shorter edge is brought to `edge_px`
    and windows of that edge are learnt from: as the weights' own pictures had it where nothing is said, 160 without
    weights. Colour, mean and deviation follow the weights; without any, pictures are in colour and have ImageNet's.
    Above 64 pixels the stem for small pictures is left out, unless weights or `options` have it.

    A step sees about as many pixels as 16 windows of 160 pixels have, two windows at least, so that it takes about the
    same memory at every size. The rate goes with the square root of the batch, as AdamW wants it (Malladi et al. 2022,
    "On the SDEs and Scaling Rules for Adaptive Gradient Algorithms"). From weights it is a fifth, and all layers learn
    from the first step on: to train a fully convolutional network's scores alone gives 70 % of what training all of it
    gives (Long et al. 2015, section 4.3).

    Raises:
        ValueError: the edge is out of its range, or the weights are for pictures of another colour than the data.
    """
    edge = _edge_px(edge_px, start)
    decided = start.options if start else _options(recipe, edge if own_pictures else 0)
    recipe = replace(recipe, options={**decided, **(options or {})}, initial_weights=start.sha256 if start else "")
    if own_pictures is None:
        channels = recipe.preprocessing.channels
        if start and start.in_channels != channels:
            raise ValueError(f"the weights are for pictures of {start.in_channels} channels, the data has {channels}")
        return recipe
    if start and start.in_channels not in (1, 3):
        raise ValueError(f"the weights are for pictures of {start.in_channels} channels, not of 1 or 3")
    is_gray = start is not None and start.in_channels == 1
    pixels = (start.input if start else None) or (GRAY if is_gray else IMAGENET)
    # No longer than what the service takes in one run.
    longest_px = min(_LONGEST * edge, PIXELS_AT_MOST // edge)
    windows = recipe.batch_size * _EDGE_PX**2 // edge**2
    batch_size = max(_BATCH_AT_LEAST, min(recipe.batch_size, windows))
    share = sqrt(batch_size / recipe.batch_size) * (_FINE_TUNING_SHARE if start else 1)
    return replace(
        recipe.on_other_data(own_pictures, keeps_polarity=False),
        preprocessing=of_any_size(edge, longest_px, "gray" if is_gray else "rgb"),
        pixel_mean=pixels.pixel_mean,
        pixel_std=pixels.pixel_std,
        window_px=edge,
        batch_size=batch_size,
        learning_rate=recipe.learning_rate * share,
        epochs_per_pass=1,
        scene_rules="",
    )


def _edge_px(named_px: int | None, start: Start | None) -> int:
    """Shorter edge of own pictures.

    Raises:
        ValueError: it is out of its range.
    """
    known = start.input.preprocessing.shortest_edge if start and start.input else None
    edge = named_px
    if edge is None:
        # Small pictures show one thing each: nobody's photographs are as coarse as those.
        edge = known if known and known > SMALL_UP_TO_PX else _EDGE_PX
    if edge not in _EDGES_PX:
        raise ValueError(f"the edge of pictures must be from {_EDGES_PX[0]} to {_EDGES_PX[-1]} pixels, not {edge}")
    return edge


def _options(recipe: SegmentationRecipe, edge_px: int) -> dict[str, Any]:
    """The recipe's options, without the small stem where pictures are large."""
    return {key: value for key, value in recipe.options.items() if key != "stem" or edge_px <= SMALL_UP_TO_PX}
