"""Makes the sample pictures in this folder from MNIST's and Fashion-MNIST's: `python -m tests.data.make_samples`."""

from pathlib import Path

import numpy as np
from PIL import Image

from export.data.dataset import DataSource
from export.data.idx import read_pair
from export.data.idx_datasets import DATASETS, find_part
from export.data.scenes import open_scenes
from export.recipes.fashion_scenes import SHARED

_FOLDER = Path(__file__).parent
_EDGE_PX = 420


def on_paper(digit: Image.Image) -> Image.Image:
    """The digit as if photographed: dark ink on light paper, larger, lit from the upper left, with grain."""
    ink = np.asarray(digit.resize((_EDGE_PX, _EDGE_PX), Image.Resampling.BICUBIC), dtype=np.float32) / 255
    ys, xs = np.mgrid[0 : 1 : _EDGE_PX * 1j, 0 : 1 : _EDGE_PX * 1j]
    light = 235 - 70 * (xs + ys) / 2
    grain = np.random.default_rng(0).normal(0, 3, ink.shape)
    gray = light * (1 - 0.8 * ink) + grain
    tint = np.array([1.0, 0.98, 0.93])
    return Image.fromarray(np.clip(gray[..., None] * tint, 0, 255).astype(np.uint8))


def main() -> None:
    """Write seven.png, the first test digit as it is, seven_on_paper.jpg, boot.png, and scene.png."""
    digit = first_test_picture("mnist")
    digit.save(_FOLDER / "seven.png", optimize=True)
    on_paper(digit).save(_FOLDER / "seven_on_paper.jpg", quality=80)
    first_test_picture("fashion-mnist").save(_FOLDER / "boot.png", optimize=True)
    scene = open_scenes("test", DataSource(), share=SHARED.validation_share, seed=SHARED.seed).read(0)
    scene.picture.save(_FOLDER / "scene.png", optimize=True)


def first_test_picture(dataset: str) -> Image.Image:
    """The first of a dataset's test files, 28 x 28, mode L."""
    files = find_part(DATASETS[dataset], "test", None)
    if files is None:
        raise SystemExit(f"The test files of {dataset} are needed; CONVOY_DATA says where they are.")
    images, _ = read_pair(*files, classes=10)
    return Image.fromarray(images[0])


if __name__ == "__main__":
    main()
