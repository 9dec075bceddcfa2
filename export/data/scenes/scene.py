"""Composes one scene: items laid one after another on a textured, cluttered ground."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from export.data.scenes.backdrop import draw, draw_backdrop
from export.data.scenes.cutout import Cutout, item_mask, turn
from export.data.scenes.rules import SCENE_LABELS, SceneRules

_NOBODY = -1


@dataclass(frozen=True, kw_only=True)
class SceneItem:
    """An item as it can be seen in a scene."""

    label: int
    """Class id in the scene's mask, at least 1."""
    position: int
    """Which picture of the Fashion-MNIST files it is."""
    visible_share: float
    """Share of its pixels that no later item covers."""
    box: tuple[int, int, int, int]
    """(left, top, right, bottom) of what can be seen, in pixels; right and bottom lie just outside."""
    mask: NDArray[np.bool_]
    """The pixels where it can be seen, (H, W)."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A composed picture of which every pixel's class is known."""

    picture: Image.Image
    """Mode L."""
    mask: NDArray[np.uint8]
    """Class id per pixel, (H, W): an index of SCENE_LABELS."""
    items: tuple[SceneItem, ...]
    """From the lowest to the topmost."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """An item as it lies in the files."""

    position: int
    target: int
    """Fashion-MNIST's class index."""
    pixels: NDArray[np.uint8]
    """(28, 28), light on black."""


def compose(found: Sequence[Found], random: np.random.RandomState, rules: SceneRules) -> Scene:
    """Lay as many of the items as the rules draw, at most all of them, on a fresh ground; about 3 ms."""
    levels = draw_backdrop(random, rules)
    owner = np.full(levels.shape, _NOBODY, np.int64)
    laid: list[tuple[Found, int]] = []
    for item in found[: draw(random, rules.items)]:
        cutout = _prepare(item, random, rules)
        place = _find_place(cutout, owner, [area_px for _, area_px in laid], random, rules)
        if place is not None:
            levels[place] += cutout.cover * (cutout.levels - levels[place])
            owner[place][cutout.mask] = len(laid)
            laid.append((item, int(cutout.mask.sum())))
    levels += random.randint(-rules.sensor_levels, rules.sensor_levels + 1, levels.shape)
    # Half levels go up: what is exactly between two is then no matter of the last bit.
    pixels = np.floor(np.clip(levels, 0, 255) + 0.5).astype(np.uint8)
    items = tuple(_seen(item, area_px, owner == number) for number, (item, area_px) in enumerate(laid))
    ids = np.array([*(item.label for item in items), 0], np.uint8)
    return Scene(picture=Image.fromarray(pixels), mask=ids[owner], items=items)


def _prepare(item: Found, random: np.random.RandomState, rules: SceneRules) -> Cutout:
    """The item at its scale, angle and contrast."""
    holes = SCENE_LABELS[item.target + 1] in rules.open_labels
    mask = item_mask(item.pixels, rules, holes=holes)
    scale, degrees = draw(random, rules.scale_percent) / 100, draw(random, rules.rotation_degrees)
    cutout = turn(item.pixels, mask, scale=scale, degrees=degrees)
    contrast_percent = draw(random, rules.contrast_percent)
    lift = draw(random, (0, 255 * (100 - contrast_percent) // 100))
    return Cutout(levels=cutout.levels * (contrast_percent / 100) + lift, cover=cutout.cover, mask=cutout.mask)


def _find_place(
    cutout: Cutout,
    owner: NDArray[np.int64],
    areas_px: Sequence[int],
    random: np.random.RandomState,
    rules: SceneRules,
) -> tuple[slice, slice] | None:
    """Where the item leaves enough of every earlier one uncovered, or None where it was not found."""
    height, width = cutout.mask.shape
    seen_px = np.bincount(owner.ravel() + 1, minlength=len(areas_px) + 1)[1:]
    needed_px = np.array(areas_px, np.int64) * rules.visible_percent
    for _ in range(rules.places_tried):
        top, left = draw(random, (0, rules.size_px - height)), draw(random, (0, rules.size_px - width))
        place = slice(top, top + height), slice(left, left + width)
        covered_px = np.bincount(owner[place][cutout.mask] + 1, minlength=len(areas_px) + 1)[1:]
        if ((seen_px - covered_px) * 100 >= needed_px).all():
            return place
    return None


def _seen(item: Found, area_px: int, mask: NDArray[np.bool_]) -> SceneItem:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return SceneItem(
        label=item.target + 1,
        position=item.position,
        visible_share=float(mask.sum()) / area_px,
        box=(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1),
        mask=mask,
    )
