"""A segmenter's recipe adapted: to photographs of any size, to other options, to weights that training starts from."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from export.public_weights.inputs import GRAY, IMAGENET
from export.recipes.recipe import SegmentationRecipe
from export.recipes.start import Start
from service.repository.artifact import Preprocessing

_EDGE_PX = 160
"""Shorter edge where nobody names another: that of Keras's example on Oxford-IIIT Pets."""
_EDGES_PX = range(16, 1025)


def adapted_masks(
    recipe: SegmentationRecipe,
    *,
    own_pictures: str | None = None,
    edge_px: int | None = None,
    options: Mapping[str, Any] | None = None,
    start: Start | None = None,
) -> SegmentationRecipe:
    """The same training on a folder of pictures called `own_pictures`, from weights, or with other options.

    Own pictures have no score to reach, since none was ever measured there. They are taken in colour, their shorter
    edge brought to `edge_px`, and windows of that edge are learnt from. Weights decide options and colour.

    Raises:
        ValueError: the edge is out of its range, or the weights are for pictures of another colour than the data.
    """
    decided = dict(start.options) if start else dict(recipe.options)
    recipe = replace(recipe, options={**decided, **(options or {})})
    if start:
        recipe = replace(recipe, initial_weights=start.sha256)
    if own_pictures is None:
        channels = recipe.preprocessing.channels
        if start and start.in_channels != channels:
            raise ValueError(f"the weights are for pictures of {start.in_channels} channels, the data has {channels}")
        return recipe
    edge_px = _EDGE_PX if edge_px is None else edge_px
    if edge_px not in _EDGES_PX:
        raise ValueError(f"the edge of pictures must be from {_EDGES_PX[0]} to {_EDGES_PX[-1]} pixels, not {edge_px}")
    is_gray = start is not None and start.in_channels == 1
    pixels = (start.input if start else None) or (GRAY if is_gray else IMAGENET)
    preprocessing = Preprocessing(
        height=None,
        width=None,
        resize="shortest",
        shortest_edge=edge_px,
        longest_edge=4 * edge_px,
        colour="gray" if is_gray else "rgb",
    )
    return replace(
        recipe.on_other_data(own_pictures, keeps_polarity=False),
        preprocessing=preprocessing,
        pixel_mean=pixels.pixel_mean,
        pixel_std=pixels.pixel_std,
        window_px=edge_px,
    )
