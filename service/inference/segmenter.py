"""Asks a segmenter for the class of every pixel, and keeps pictures to a size whose run fits into memory."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.errors import TooLarge
from service.inference.masks.resizing import Check, picture_classes, picture_scores
from service.inference.masks.winners import Mask, best_classes, best_scores, mask_type
from service.inference.model import LoadedModel
from service.inference.placement import place
from service.inference.tiles import OVERLAP_PX, TILE_PX, blended
from service.repository.artifact import Preprocessing

PIXELS_AT_MOST: Final = 2**20
"""Pixels of one run: one layer of 64 channels at full size, as VGG16 begins with, is 256 MB of them."""
LOGITS_AT_MOST: Final = 2**26
"""Logits that are held at once, 256 MB."""

_LOGITS: Final = ["logits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmented:
    """A picture's classes, pixel by pixel."""

    mask: Mask
    """Class indices, (height, width) of the picture as sent, upright."""
    confidence: NDArray[np.uint8] | None
    """Score of each pixel's class, (height, width), 255 for 1; None where nobody asked."""


def logits_of(model: LoadedModel, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits (classes, H, W) of one picture (H, W, C), preprocessed."""
    (logits,) = model.session.run(_LOGITS, {"image": pixels[np.newaxis]})
    first: NDArray[np.float32] = logits[0]
    return first


def classes_of(
    logits: NDArray[np.float32], size_px: tuple[int, int], *, confidence: bool, check: Check = None
) -> Segmented:
    """The classes of a picture of `size_px` (width, height) from the logits (classes, h, w) of the whole of it."""
    return Segmented(
        mask=picture_classes(logits, size_px, check=check),
        confidence=picture_scores(logits, size_px, check=check) if confidence else None,
    )


def classes_in_tiles(
    run: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    pixels: NDArray[np.uint8],
    model: LoadedModel,
    *,
    confidence: bool,
) -> Segmented:
    """The classes of a picture (H, W, C) at its own size, seen tile by tile; `run` is `logits_of` the model."""
    number: np.dtype[Any] = np.dtype(mask_type(len(model.metadata.labels)))
    mask = np.empty(pixels.shape[:2], number)
    scores = np.empty(pixels.shape[:2], np.uint8) if confidence else None
    for block in blended(run, pixels, tile_px=tile_edge_px(model)):
        mask[block.rows, block.columns] = best_classes(block.logits)
        if scores is not None:
            scores[block.rows, block.columns] = best_scores(block.logits)
    return Segmented(mask=mask, confidence=scores)


def as_it_is(spec: Preprocessing) -> Preprocessing:
    """The same preprocessing without any resizing."""
    return spec.model_copy(update={"resize": "none", "shortest_edge": None, "longest_edge": None})


def check_input(size_px: tuple[int, int], spec: Preprocessing, model: LoadedModel, *, tile: bool) -> None:
    """Refuse a picture of `size_px` (width, height) whose answer would not fit into memory.

    Raises:
        TooLarge: It would not.
    """
    classes = len(model.metadata.labels)
    if tile:
        # What one row of tiles hands on to the next, see `blended`.
        if size_px[1] > tile_edge_px(model) and classes * OVERLAP_PX * size_px[0] > LOGITS_AT_MOST:
            widest_px = LOGITS_AT_MOST // (classes * OVERLAP_PX)
            raise TooLarge(
                f"With {classes} classes a picture in tiles may be {widest_px} pixels wide, not {size_px[0]}."
            )
        return
    width, height = place(size_px, spec).input_px
    pixels_at_most = min(PIXELS_AT_MOST, LOGITS_AT_MOST // classes)
    if width * height > pixels_at_most:
        raise TooLarge(
            f"The network would see this picture at {width}x{height}, more than the {pixels_at_most} pixels that it "
            "takes at once; tile=true cuts it into tiles."
        )


def tile_edge_px(model: LoadedModel) -> int:
    """Edge of the tiles for this model: smaller ones where a tile of many classes would not fit into memory."""
    fitting_px = int((LOGITS_AT_MOST // len(model.metadata.labels)) ** 0.5)
    return max(2 * OVERLAP_PX, min(TILE_PX, fitting_px))
