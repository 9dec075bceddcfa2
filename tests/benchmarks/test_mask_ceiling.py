"""Scenes of plain squares, each class of a gray level of its own, so that every answer is known."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.mask_ceiling import ceiling_of
from export.data.scenes import SceneRules, Scenes
from export.recipes.fashion_mnist import SHARED

TARGETS = np.arange(200) % 10
# Above the threshold of an item's mask.
LEVELS = 20 + 20 * TARGETS


class ByLevel(nn.Module):
    """Knows a class by its gray level; `mistaken` takes shirts for T-shirts."""

    def __init__(self, *, mistaken: bool) -> None:
        super().__init__()
        self.mistaken = mistaken

    def forward(self, x: Tensor) -> Tensor:
        levels = (x * SHARED.pixel_std[0] + SHARED.pixel_mean[0]).amax(dim=(1, 2, 3)) * 255
        classes = ((levels - 20) / 20).round().long()
        if self.mistaken:
            classes = torch.where(classes == 6, 0, classes)
        return nn.functional.one_hot(classes, 10).float()


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    images = np.zeros((len(TARGETS), 28, 28), np.uint8)
    images[:, 8:20, 8:20] = LEVELS[:, None, None]
    return Scenes(split="test", rules=SceneRules(), images=images, targets=TARGETS, positions=np.arange(len(TARGETS)))


def test_who_makes_no_mistake_leaves_nothing_to_gain(scenes: Scenes) -> None:
    ceiling = ceiling_of("perfect", ByLevel(mistaken=False), SHARED, scenes, 40)
    assert (ceiling.on_pictures, ceiling.on_cutouts, ceiling.mean_iou) == (1, 1, 1)


def test_a_confusion_costs_both_classes(scenes: Scenes) -> None:
    ceiling = ceiling_of("mistaken", ByLevel(mistaken=True), SHARED, scenes, 40)
    assert ceiling.on_cutouts == pytest.approx(0.9)
    pixels = np.bincount(np.concatenate([scenes.read(index).mask.ravel() for index in range(40)]), minlength=11)
    shirts, tops = pixels[7], pixels[1]
    expected = np.ones(11)
    expected[7] = 0
    expected[1] = tops / (tops + shirts)
    np.testing.assert_allclose(ceiling.ious, expected)
    assert ceiling.mean_iou == pytest.approx(expected.mean())
