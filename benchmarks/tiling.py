"""`python -m benchmarks.tiling [NAME ...]`: what the size of tiles and of their overlap costs and changes.

The picture is a mosaic of test scenes, seen at its own size. Each network sees it whole, then in tiles of several sizes
and overlaps: how many pixels get another class than from the whole picture, the mean IoU with the true classes, CPU
time and the number of pixels that the network saw, both beside the whole picture's.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from benchmarks.markdown import print_table
from export.data.dataset import DataSource
from export.data.scenes import Scenes, open_scenes
from export.publish import versions_of
from export.recipes.fashion_scenes import SHARED
from export.segmentation.scores import confusion, mean_iou
from service.inference.masks.winners import best_classes
from service.inference.model import LoadedModel, load_model
from service.inference.segmenter import logits_of
from service.inference.tiles import OVERLAP_PX, TILE_PX, blended

_HEADER = ("network", "tile px", "overlap px", "other class", "mean IoU", "pixels seen", "CPU time")
_TILINGS = ((256, 32), (256, 64), (256, 128), (512, 32), (512, 64), (512, 128), (512, 256), (1024, 128))
assert (TILE_PX, OVERLAP_PX) in _TILINGS, "what the service does is among what is measured"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tiling", description=__doc__)
    parser.add_argument("names", nargs="*", default=["unet"], metavar="NAME", help="default: unet")
    parser.add_argument("--repository", type=Path, default=Path("model_repository"), help="folder of published models")
    parser.add_argument("--data-dir", type=Path, help="folder of IDX files (default: CONVOY_DATA, else data)")
    parser.add_argument("--columns", type=int, default=16, help="scenes side by side (default %(default)s)")
    parser.add_argument("--rows", type=int, default=12, help="scenes above each other (default %(default)s)")
    options = parser.parse_args(arguments)
    scenes = open_scenes("test", DataSource(data_dir=options.data_dir), share=SHARED.validation_share, seed=SHARED.seed)
    pixels, truth = mosaic(scenes, columns=options.columns, rows=options.rows)
    rows = []
    for name in options.names:
        versions = versions_of(options.repository, name)
        if not versions:
            parser.error(f"{options.repository} holds no {name}")
        newest = max(versions)
        model = load_model(versions[newest], name=name, version=newest, provider="cpu", intra_op_threads=1)
        rows += compare(model, pixels, truth)
    print(f"a picture of {pixels.shape[1]}x{pixels.shape[0]}:\n")
    print_table(_HEADER, rows)


def mosaic(scenes: Scenes, *, columns: int, rows: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The first scenes side by side: gray levels (H, W, 1) and class ids (H, W)."""
    read = [scenes.read(index) for index in range(columns * rows)]
    pictures, masks = (
        np.concatenate([np.concatenate(tiles[row * columns : (row + 1) * columns], axis=1) for row in range(rows)])
        for tiles in ([np.asarray(scene.picture) for scene in read], [scene.mask for scene in read])
    )
    return pictures[:, :, np.newaxis], masks


def compare(model: LoadedModel, pixels: NDArray[np.uint8], truth: NDArray[np.uint8]) -> list[tuple[str, ...]]:
    """The rows of one network: the whole picture, then each tiling."""
    classes = len(model.metadata.labels)
    for _ in range(2):  # the first allocates
        started_s = time.process_time()
        whole = best_classes(logits_of(model, pixels))
        whole_s = time.process_time() - started_s
    rows: list[tuple[str, ...]] = [
        (f"`{model.name}`", "whole", "", "", f"{_iou(whole, truth, classes):.2%}", "1.00", "1.00")
    ]
    for tile_px, overlap_px in track(_TILINGS, description=model.name, console=Console(stderr=True)):
        started_s = time.process_time()
        tiled, seen_px = in_tiles(model, pixels, tile_px, overlap_px)
        tiled_s = time.process_time() - started_s
        rows.append(
            (
                f"`{model.name}`",
                f"{tile_px}",
                f"{overlap_px}",
                f"{(tiled != whole).mean():.3%}",
                f"{_iou(tiled, truth, classes):.2%}",
                f"{seen_px / truth.size:.2f}",
                f"{tiled_s / whole_s:.2f}",
            )
        )
    return rows


def in_tiles(
    model: LoadedModel, pixels: NDArray[np.uint8], tile_px: int, overlap_px: int
) -> tuple[NDArray[np.uint8], int]:
    """Class ids (H, W), and how many pixels the network saw for them."""
    seen_px = 0

    def run(part: NDArray[np.uint8]) -> NDArray[np.float32]:
        nonlocal seen_px
        seen_px += part.size
        return logits_of(model, part)

    mask = np.empty(pixels.shape[:2], np.uint8)
    for block in blended(run, pixels, tile_px=tile_px, overlap_px=overlap_px):
        mask[block.rows, block.columns] = best_classes(block.logits)
    return mask, seen_px


def _iou(answers: NDArray[Any], truth: NDArray[np.uint8], classes: int) -> float:
    return mean_iou(confusion(answers, truth, classes=classes))


if __name__ == "__main__":
    main()
