"""The dataset fashion-scenes: scenes of real Fashion-MNIST items, of which no two splits share one."""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from export.data.dataset import DataSource, SplitName
from export.data.download import download_part
from export.data.idx import read_pair
from export.data.idx_datasets import DATASETS, Part, find_part
from export.data.masked import MaskedPictures
from export.data.scenes.rules import SCENE_LABELS, SceneRules
from export.data.scenes.scene import Found, Scene, compose
from export.data.split import hold_out

NAME = "fashion-scenes"
# What the random streams of a split are told apart by; a figure stands for good.
_SPLIT_STREAMS: dict[SplitName, int] = {"train": 0, "validation": 1, "test": 2}
_SCENE_STREAM, _ORDER_STREAM = 0, 1


@dataclass(frozen=True, kw_only=True)
class Scenes:
    """The scenes of a split, of which there is no end; each is composed when it is asked for."""

    split: SplitName
    rules: SceneRules
    images: NDArray[np.uint8] = field(repr=False)
    """All items of the files, (N, 28, 28)."""
    targets: NDArray[np.int64] = field(repr=False)
    """Their Fashion-MNIST classes, (N,)."""
    positions: NDArray[np.int64] = field(repr=False)
    """Which of them belong to the split, (M,)."""

    def read(self, index: int) -> Scene:
        """Scene number `index`, which depends on the rules, the items of the split and the number alone."""
        random = np.random.RandomState([self.rules.seed, _SPLIT_STREAMS[self.split], _SCENE_STREAM, index])
        return compose(self._items(index), random, self.rules)

    def pictures(self, count: int) -> MaskedPictures:
        """The first `count` scenes, as a dataset."""
        return MaskedPictures(
            dataset=NAME,
            split=self.split,
            labels=SCENE_LABELS,
            names=tuple(f"{self.split} scene {index}" for index in range(count)),
            read=self._read_masked,
        )

    def _read_masked(self, index: int) -> tuple[Image.Image, NDArray[np.uint8]]:
        scene = self.read(index)
        return scene.picture, scene.mask

    def _items(self, index: int) -> list[Found]:
        """The items that are the scene's to lay down: so many for each scene, whether or not it uses them all."""
        at_most = self.rules.items[1]
        found: list[Found] = []
        for turn in range(index * at_most, (index + 1) * at_most):
            round_, place = divmod(turn, len(self.positions))
            order = _order(self.rules.seed, _SPLIT_STREAMS[self.split], round_, len(self.positions))
            position = int(self.positions[order[place]])
            found.append(Found(position=position, target=int(self.targets[position]), pixels=self.images[position]))
        return found


def open_scenes(
    split: SplitName, source: DataSource, *, share: float, seed: int, rules: SceneRules | None = None
) -> Scenes:
    """The scenes of a split.

    Test scenes are made of the 10,000 test items, which are read for no other split. `share` of the 60,000 training
    items, picked by `seed` as for a classifier of the same recipe fields, are those of the validation scenes; a
    classifier trained with these has learnt from no item that validation scenes show.

    Raises:
        DataNotFound: the files of Fashion-MNIST are nowhere, and cannot be downloaded.
        BadData: a file is damaged.
    """
    part: Part = "test" if split == "test" else "train"
    dataset = DATASETS["fashion-mnist"]
    paths = find_part(dataset, part, source.data_dir) or download_part(dataset, part, source.data_dir)
    images, targets = read_pair(*paths, classes=len(dataset.labels))
    if split == "test":
        positions = np.arange(len(targets))
    else:
        kept, held_out = hold_out(targets, share=share, seed=seed)
        positions = kept if split == "train" else held_out
    return Scenes(split=split, rules=rules or SceneRules(), images=images, targets=targets, positions=positions)


@lru_cache(maxsize=8)
def _order(seed: int, split_stream: int, round_: int, count: int) -> NDArray[np.int64]:
    """The order in which a round goes through all items of a split."""
    return np.random.RandomState([seed, split_stream, _ORDER_STREAM, round_]).permutation(count)
