"""The options that describe a training, and the run they describe."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import get_args

from export.data.dataset import DataSource
from export.data.idx_datasets import DATASETS
from export.errors import UsageError
from export.recipes import RECIPES
from export.recipes.recipe import Precision, Recipe
from export.run_folder import RunFolder


def add_training_options(stage: argparse.ArgumentParser) -> None:
    """Add the options that `new_run` reads."""
    data = stage.add_mutually_exclusive_group()
    data.add_argument(
        "--data", type=Path, metavar="DIR", help="your own pictures: DIR/CLASS/* or DIR/{train,val,test}/CLASS/*"
    )
    data.add_argument("--dataset", choices=DATASETS, help="a public dataset other than the recipe's")
    stage.add_argument("--epochs", type=int, help="train for so many epochs, the warm-up in proportion")
    stage.add_argument("--precision", choices=get_args(Precision), help="numbers to compute in (default: the recipe's)")
    stage.add_argument("--force", action="store_true", help="throw the run's earlier files away and train anew")


def new_run(options: argparse.Namespace, path: Path) -> RunFolder:
    """The run in the folder `path` that the options describe.

    Raises:
        UsageError: a value is out of its range.
    """
    recipe = RECIPES[options.model]
    pictures_dir = options.data.resolve() if options.data else None
    if pictures_dir:
        recipe = recipe.on_other_data(pictures_dir.name, keeps_polarity=False)
    elif options.dataset and options.dataset != recipe.dataset:
        recipe = recipe.on_other_data(options.dataset, keeps_polarity=True)
    source = DataSource(data_dir=options.data_dir, pictures_dir=pictures_dir)
    return RunFolder(path=path, recipe=_changed(recipe, options), source=source)


def _changed(recipe: Recipe, options: argparse.Namespace) -> Recipe:
    epochs = options.epochs if options.epochs is not None else recipe.epochs
    try:
        return replace(
            recipe,
            epochs=epochs,
            warmup_epochs=recipe.warmup_epochs * epochs / recipe.epochs,
            precision=options.precision or recipe.precision,
        )
    except ValueError as error:
        raise UsageError(f"{error}.") from None
