"""`python -m benchmarks.map_quality NAME ...`: how well class activation maps find the items that they explain.

Each network is a classifier that was trained on Fashion-MNIST (`python -m export train NAME`). It is fine-tuned to name
all items of a scene, one answer of yes or no per class, and never sees a mask. Then, on test scenes, its map of every
class that is there is compared with the true mask of that class's items:

- pointing game: is the map's maximum inside an item of the class? Zhang et al. 2016, "Top-down Neural Attention by
  Excitation Backprop", section 4.1; here without the tolerance of 15 pixels.
- energy: the share of the positive part of the map that lies inside; Wang et al. 2020, "Score-CAM", section 4.3.
- chance: what a point and a map that know nothing would reach, the share of the scene that the items cover.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torchmetrics.functional.classification import multilabel_average_precision

from benchmarks.markdown import print_table
from export.blueprint import load_trained
from export.data.dataset import DataSource, SplitName
from export.data.scenes import Scenes, open_scenes
from export.recipes.fashion_scenes import SHARED
from export.run_folder import open_run
from export.training.batches import mixed_seed
from models.classifier import Classifier

_BATCH = 32
_LEARNING_RATE = 3e-4
_HEADER = ("network", "map", "mean average precision", "pointing game", "energy inside", "chance")


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What one network's maps are worth."""

    name: str
    method: str
    average_precision: float
    """Mean over the classes: how well it names the items."""
    pointing: float
    """Share of the maps whose maximum is inside."""
    energy: float
    """Mean share of a map's positive part that is inside."""
    chance: float
    """Mean share of the scene that is inside."""

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        shares = (self.average_precision, self.pointing, self.energy, self.chance)
        return f"`{self.name}`", self.method, *(f"{share:.1%}" for share in shares)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fine-tune and measure each network; print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.map_quality", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="runs of classifiers that learnt Fashion-MNIST")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")
    parser.add_argument("--data-dir", type=Path, help="folder of IDX files (default: CONVOY_DATA, else data)")
    parser.add_argument("--scenes", type=int, default=4000, help="scenes to learn from (default %(default)s)")
    parser.add_argument("--epochs", type=int, default=2, help="times that each is seen (default %(default)s)")
    parser.add_argument("--test-scenes", type=int, default=1000, help="scenes to measure on (default %(default)s)")
    options = parser.parse_args(arguments)
    source = DataSource(data_dir=options.data_dir)
    rows = []
    for name in options.names:
        network, facts = load_trained(open_run(options.runs / name, name, data_dir=options.data_dir))
        assert isinstance(network, Classifier)
        mean, std = facts.recipe.pixel_mean[0], facts.recipe.pixel_std[0]
        learn_to_name(network, _open("train", source), options.scenes, options.epochs, mean=mean, std=std)
        rows.append(measure(name, network, _open("test", source), options.test_scenes, mean=mean, std=std).cells())
    print_table(_HEADER, rows)


def learn_to_name(network: Classifier, scenes: Scenes, count: int, epochs: int, *, mean: float, std: float) -> None:
    """Fine-tune in place: binary cross entropy for each class, over all scenes `epochs` times."""
    torch.manual_seed(0)
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE)
    steps = epochs * -(-count // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=_LEARNING_RATE, total_steps=steps)
    batches = _shuffled(count, epochs)
    for positions in track(batches, description="learning", total=steps, console=Console(stderr=True)):
        pictures, present = _batch(scenes, positions)
        with torch.autocast("cpu", torch.bfloat16):
            answers = network.training_logits((pictures - mean) / std)
        weights = (1.0, *[network.auxiliary_weight] * (len(answers) - 1))
        loss = torch.zeros(())
        for weight, answer in zip(weights, answers, strict=True):
            loss = loss + weight * F.binary_cross_entropy_with_logits(answer.float(), present)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    network.eval()


def measure(name: str, network: Classifier, scenes: Scenes, count: int, *, mean: float, std: float) -> Quality:
    """Compare the maps of all classes that are there with their masks."""
    logits, truth = [], []
    hits: list[bool] = []
    energies: list[float] = []
    areas: list[float] = []
    for index in track(range(count), description=name, console=Console(stderr=True)):
        scene = scenes.read(index)
        pixels = torch.from_numpy(np.asarray(scene.picture, np.float32)[None, None] / 255)
        present = np.unique([item.label for item in scene.items])
        x = ((pixels - mean) / std).expand(len(present), -1, -1, -1)
        with torch.inference_mode():
            answers, maps = network.forward_with_cam(x, torch.from_numpy(present - 1))
            maps = F.interpolate(maps[:, None], size=scene.mask.shape, mode="bilinear")[:, 0]
        logits.append(answers[0])
        truth.append(torch.zeros(answers.shape[1], dtype=torch.int64).index_fill(0, torch.from_numpy(present - 1), 1))
        for label, heat in zip(present, maps.numpy(), strict=True):
            inside = scene.mask == label
            hits.append(bool(inside.flat[heat.argmax()]))
            energies.append(energy_inside(heat, inside))
            areas.append(float(inside.mean()))
    precision = multilabel_average_precision(torch.stack(logits), torch.stack(truth), num_labels=len(logits[0]))
    return Quality(
        name=name,
        method=network.cam_method,
        average_precision=float(precision),
        pointing=float(np.mean(hits)),
        energy=float(np.mean(energies)),
        chance=float(np.mean(areas)),
    )


def energy_inside(heat: NDArray[np.float32], inside: NDArray[np.bool_]) -> float:
    """Share of the positive part of a map that lies inside; of a map without any, nothing does."""
    positive = np.maximum(heat, 0)
    total = float(positive.sum())
    return float(positive[inside].sum()) / total if total else 0.0


def _open(split: SplitName, source: DataSource) -> Scenes:
    return open_scenes(split, source, share=SHARED.validation_share, seed=SHARED.seed)


def _shuffled(count: int, epochs: int) -> Iterator[NDArray[np.int64]]:
    for epoch in range(epochs):
        order = np.random.RandomState(mixed_seed(0, epoch) % 2**32).permutation(count)
        yield from np.array_split(order, -(-count // _BATCH))


def _batch(scenes: Scenes, positions: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """Pictures / 255, float32 (N, 1, H, W), and whether each class is there, float32 (N, classes)."""
    read = [scenes.read(int(position)) for position in positions]
    pictures = np.stack([np.asarray(scene.picture, np.float32) for scene in read])[:, None] / 255
    present = np.zeros((len(read), 10), np.float32)
    for row, scene in zip(present, read, strict=True):
        row[[item.label - 1 for item in scene.items]] = 1
    return torch.from_numpy(pictures), torch.from_numpy(present)


if __name__ == "__main__":
    main()
