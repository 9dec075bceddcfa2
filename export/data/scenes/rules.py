"""The rules of the scenes that are composed from Fashion-MNIST: every number that decides what a scene looks like."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass

from export.data.idx_datasets import DATASETS

ITEM_PX = 28
"""Height and width of an item of Fashion-MNIST."""
SCENE_LABELS = ("background", *DATASETS["fashion-mnist"].labels)
"""Class ids of a mask: 0, then Fashion-MNIST's own index plus one."""


@dataclass(frozen=True, kw_only=True)
class SceneRules:
    """Everything that decides a scene beside the items themselves; ranges include both ends, draws are uniform.

    Raises:
        ValueError: a rule is out of its range; the message is one sentence.
    """

    revision: int = 1
    """Raised when the code comes to read these rules another way, so that the scenes are others."""
    seed: int = 1
    """Scene `index` of a split depends on this, the split and the index alone."""
    size_px: int = 96
    """Height and width of a scene, which is gray."""

    items: tuple[int, int] = (2, 5)
    """How many items are laid down, one after another. Of N items each is used once before any is used again."""
    scale_percent: tuple[int, int] = (100, 160)
    """Size of an item, in percent of its 28 pixels."""
    rotation_degrees: tuple[int, int] = (-15, 15)
    """Counter-clockwise, about the item's centre."""
    mask_threshold: int = 4
    """A pixel above this may belong to the item. At 0 the dots that surround many items do too; at 16 black clothes
    fall to pieces."""
    mask_percent: int = 15
    """It does where it is also above this share of the median of all that may: bright items are surrounded by a dim
    rim of what their pictures were scaled down from."""
    open_labels: tuple[str, ...] = ("Sandal", "Bag")
    """Classes whose gaps, between straps and under handles, show what is behind. In all other classes a hole is a
    dark print or a seam, and belongs to the item."""
    contrast_percent: tuple[int, int] = (75, 100)
    """An item's gray levels are multiplied by this, and what 255 loses by it is the room for a constant to add."""
    visible_percent: int = 70
    """An item lies whole inside the scene, where it leaves at least this share of every earlier one uncovered."""
    places_tried: int = 20
    """An item that finds no such place in so many draws is left out."""

    ground_level: tuple[int, int] = (20, 180)
    """Mean gray level of the background."""
    grain_levels: tuple[int, int] = (5, 60)
    """Amplitude of the background's smooth noise."""
    grain_octaves: int = 5
    """It is a sum of noises, of 3 cells along a side, of 6, of 12 and so on."""
    grain_persistence_percent: tuple[int, int] = (50, 95)
    """Amplitude of each noise of that sum, in percent of the one before."""
    pattern_levels: tuple[int, int] = (5, 50)
    """Amplitude of what is added to it: nothing, a gradient, stripes or checks, each as often."""
    pattern_period_px: tuple[int, int] = (6, 32)
    """Width of a stripe with the gap beside it, and of two checks."""
    clutter: tuple[int, int] = (4, 12)
    """Number of lines, ellipses and triangles between the background and the items, none of any class."""
    clutter_radius_px: tuple[int, int] = (2, 11)
    """Half the axes of an ellipse; distance of a triangle's edges from its centre."""
    line_length_px: tuple[int, int] = (10, 60)
    """Length of a line."""
    line_width_px: tuple[int, int] = (1, 4)
    """Width of a line."""
    clutter_level: tuple[int, int] = (0, 255)
    """Gray level of a shape, which has the background's noise as its texture."""
    sensor_levels: int = 4
    """Amplitude of the noise that is added to every pixel at the end, items included."""

    def __post_init__(self) -> None:
        _check(0 <= self.seed < 2**32, "seed must be in [0, 2^32)")
        _check(self.items[0] >= 1, "items must be at least 1")
        _check(self.scale_percent[0] >= 50, "scale_percent must be at least 50")
        _check(1 <= self.visible_percent <= 100, "visible_percent must be in [1, 100]")
        _check(self.contrast_percent[1] <= 100, "contrast_percent must be at most 100")
        _check(min(self.clutter_radius_px[0], self.pattern_period_px[0]) >= 1, "lengths must be at least 1 pixel")
        _check(1 <= self.grain_octaves <= 8, "grain_octaves must be in [1, 8]")
        _check(0 <= self.mask_threshold <= 254, "mask_threshold must be in [0, 254]")
        _check(0 <= self.mask_percent < 100, "mask_percent must be in [0, 100)")
        _check(set(self.open_labels) <= set(SCENE_LABELS), "open_labels must be labels of Fashion-MNIST")
        for name, value in asdict(self).items():
            if isinstance(value, tuple) and name != "open_labels":
                _check(value[0] <= value[1], f"{name} must not end before it begins")
        largest_px = math.ceil(ITEM_PX * self.scale_percent[1] / 100 * math.sqrt(2)) + 2
        _check(self.size_px >= largest_px, f"size_px must be at least {largest_px}, for the largest item")

    def fingerprint(self) -> str:
        """SHA-256 over all rules."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def _check(holds: bool, complaint: str) -> None:
    if not holds:
        raise ValueError(f"{complaint}.")
