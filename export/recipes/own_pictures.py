"""A recipe changed for other pictures than its own: photographs of any size, and weights to start from."""

from dataclasses import replace

from export.recipes.recipe import Recipe
from models import MODELS
from service.repository.artifact import Preprocessing

# Of ImageNet's training files; the usual choice for photographs.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
SMALL_UP_TO_PX = 64
"""Edge up to which a network gets the stem for small pictures, if it has one."""
_EDGES_PX = range(8, 1025)
_BATCH_SIZE = 32
_FINE_TUNING_EPOCHS = 10
_FROZEN_EPOCHS = 2


def on_own_pictures(recipe: Recipe, dataset: str, *, edge_px: int | None = None) -> Recipe:
    """The same training on a folder of pictures, without an accuracy to reach, since none was ever measured there.

    The digit networks keep their gray input. The others take colour pictures, cut out in the middle, `edge_px` square:
    as in the network's paper where nothing is said. From larger pictures they learn in smaller batches.

    Raises:
        ValueError: the network takes pictures of one size only, or the edge is out of its range.
    """
    facts = MODELS[recipe.model]
    recipe = recipe.on_other_data(dataset, keeps_polarity=False)
    if facts.in_channels == 1:
        if edge_px not in (None, recipe.input_px[0]):
            raise ValueError(f"{recipe.model} takes pictures of {recipe.input_px[0]} pixels only")
        return recipe
    edge = facts.input_px[0] if edge_px is None else edge_px
    if edge not in _EDGES_PX:
        raise ValueError(f"the edge of pictures must be from {_EDGES_PX[0]} to {_EDGES_PX[-1]} pixels, not {edge}")
    recipe = replace(
        recipe,
        preprocessing=_cropped(edge),
        pixel_mean=IMAGENET_MEAN,
        pixel_std=IMAGENET_STD,
        augmentation=replace(recipe.augmentation, crop_padding_px=edge // 8),
    )
    if edge <= SMALL_UP_TO_PX:
        return recipe
    share = _BATCH_SIZE / recipe.batch_size
    return replace(
        recipe,
        options={key: value for key, value in recipe.options.items() if key != "stem"},
        batch_size=_BATCH_SIZE,
        learning_rate=recipe.learning_rate * share,
    )


def fine_tuned(recipe: Recipe, *, weights_sha256: str) -> Recipe:
    """The training that starts from weights: the head alone first, then all, with a tenth of the learning rate."""
    return replace(
        recipe,
        initial_weights=weights_sha256,
        epochs=_FINE_TUNING_EPOCHS,
        frozen_epochs=_FROZEN_EPOCHS,
        learning_rate=recipe.learning_rate / 10,
        warmup_epochs=0.5,
    )


def _cropped(edge_px: int) -> Preprocessing:
    """The middle of a picture; as usual for ImageNet an eighth more than the crop stays before it, if it is large."""
    shortest_edge = edge_px if edge_px <= SMALL_UP_TO_PX else round(edge_px * 256 / 224)
    return Preprocessing(height=edge_px, width=edge_px, resize="crop", shortest_edge=shortest_edge, colour="rgb")
