"""A segmenter that was really trained, on tiny pictures of two kinds of squares."""

from dataclasses import replace
from pathlib import Path

import pytest

from export.data.dataset import DataSource
from export.recipes import SEGMENTERS
from export.recipes.mask_adaptation import adapted_masks
from export.run_folder import RunFolder
from export.train import train
from tests.export.masked_shapes import put_shapes


@pytest.fixture(scope="session")
def squares_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """images/, masks/ and classes.txt."""
    return put_shapes(tmp_path_factory.mktemp("data") / "squares")


def small_run(path: Path, squares_dir: Path) -> RunFolder:
    """A training of seconds; so narrow that it crashed before `models.strided` was there."""
    recipe = adapted_masks(SEGMENTERS["unet_xception"], own_pictures="squares", edge_px=40, options={"widths": [8, 16]})
    recipe = replace(
        recipe, epochs=8, batch_size=4, learning_rate=1e-2, ema_decay=0.5, precision="fp32", validation_share=0.2
    )
    return RunFolder(path=path, recipe=recipe, source=DataSource(pictures_dir=squares_dir))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, squares_dir: Path) -> RunFolder:
    """An uninterrupted training."""
    run = small_run(tmp_path_factory.mktemp("runs") / "squares", squares_dir)
    train(run)
    return run
