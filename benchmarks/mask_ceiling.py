"""`python -m benchmarks.mask_ceiling NAME ...`: what mean IoU on fashion-scenes the likeness of clothes allows.

Suppose a segmenter that knows the outline of every item, and has to say what it is. Each item of the test scenes is cut
out of its picture by the mask that the scenes give it, neither scaled nor turned nor covered, and a classifier that was
trained on Fashion-MNIST (`python -m export train NAME`) answers; its answer is painted over all of the item that a
scene shows. The mean IoU of these masks is what is left to gain but for better answers.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track
from torch import nn

from benchmarks.markdown import print_table
from export.blueprint import load_trained
from export.data.dataset import DataSource
from export.data.masked_loading import SCENES_PER_SPLIT
from export.data.scenes import SCENE_LABELS, Scenes, open_scenes
from export.data.scenes.cutout import item_mask
from export.recipes.fashion_scenes import SHARED
from export.recipes.recipe import ClassificationRecipe
from export.run_folder import open_run
from export.segmentation.scores import class_ious, confusion, mean_iou
from service.inference.preprocess import preprocess

_BATCH = 250
_HEADER = ("classifier", "accuracy on the pictures", "on the cut-out items", "mean IoU with every outline known")


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """What one classifier leaves to a segmenter."""

    name: str
    on_pictures: float
    """Accuracy on the test items as they lie in the files."""
    on_cutouts: float
    """Accuracy on the same items, cut out."""
    ious: NDArray[np.float64]
    """Per class of SCENE_LABELS."""
    mean_iou: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Ask each classifier, and print both tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mask_ceiling", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="runs of classifiers that learnt Fashion-MNIST")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")
    parser.add_argument("--data-dir", type=Path, help="folder of IDX files (default: CONVOY_DATA, else data)")
    parser.add_argument(
        "--scenes", type=int, default=SCENES_PER_SPLIT["test"], help="test scenes to paint (default %(default)s)"
    )
    options = parser.parse_args(arguments)
    source = DataSource(data_dir=options.data_dir)
    scenes = open_scenes("test", source, share=SHARED.validation_share, seed=SHARED.seed)
    ceilings = []
    for name in options.names:
        network, facts = load_trained(open_run(options.runs / name, name, data_dir=options.data_dir))
        assert isinstance(facts.recipe, ClassificationRecipe)
        ceilings.append(ceiling_of(name, network.eval(), facts.recipe, scenes, options.scenes))
    print_table(
        _HEADER, [(f"`{c.name}`", *map("{:.1%}".format, (c.on_pictures, c.on_cutouts, c.mean_iou))) for c in ceilings]
    )
    print()
    print_table(
        ("IoU", *(f"`{each.name}`" for each in ceilings)),
        [(label, *(f"{each.ious[row]:.1%}" for each in ceilings)) for row, label in enumerate(SCENE_LABELS)],
    )


def ceiling_of(name: str, network: nn.Module, recipe: ClassificationRecipe, scenes: Scenes, count: int) -> Ceiling:
    """Ask one classifier for every item, and paint the first `count` scenes with its answers."""
    holes = np.array([label in scenes.rules.open_labels for label in SCENE_LABELS[1:]])
    cutouts = np.stack(
        [
            item * item_mask(item, scenes.rules, holes=bool(holes[target]))
            for item, target in zip(scenes.images, scenes.targets, strict=True)
        ]
    )
    whole, cut = (answers_of(network, recipe, items, title=name) for items in (scenes.images, cutouts))
    matrix = np.zeros((len(SCENE_LABELS), len(SCENE_LABELS)), np.int64)
    for index in track(range(count), description=f"{name}: painting", console=Console(stderr=True)):
        scene = scenes.read(index)
        painted = np.zeros_like(scene.mask)
        for item in scene.items:
            painted[item.mask] = cut[item.position] + 1
        matrix += confusion(painted, scene.mask, classes=len(SCENE_LABELS))
    return Ceiling(
        name=name,
        on_pictures=float((whole == scenes.targets).mean()),
        on_cutouts=float((cut == scenes.targets).mean()),
        ious=class_ious(matrix),
        mean_iou=mean_iou(matrix),
    )


def answers_of(
    network: nn.Module, recipe: ClassificationRecipe, items: NDArray[np.uint8], *, title: str
) -> NDArray[np.int64]:
    """The class of every item, (N,), of pictures (N, 28, 28), preprocessed as in serving."""
    mean, std = recipe.pixel_mean[0], recipe.pixel_std[0]
    answers = []
    for begin in track(range(0, len(items), _BATCH), description=title, console=Console(stderr=True)):
        batch = [preprocess(Image.fromarray(item), recipe.preprocessing) for item in items[begin : begin + _BATCH]]
        x = torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            answers.append(network((x - mean) / std).argmax(dim=1).numpy())
    return np.concatenate(answers)


if __name__ == "__main__":
    main()
