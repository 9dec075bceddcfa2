"""The options that describe a training, and the run they describe."""

import argparse
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

from export.data.dataset import DataSource
from export.data.idx_datasets import DATASETS
from export.errors import UsageError
from export.recipes import RECIPES
from export.recipes.recipe import ClassificationRecipe, Precision, Recipe, SegmentationRecipe
from export.run_folder import RunFolder

WELL_KNOWN = "default"
"""In the place of a file of weights: the well-known one of the network."""
_OF_SEGMENTERS = ("ignore_index", "class_weights", "cross_entropy_weight", "dice_weight")
"""Fields of their recipes, each with an option of that name."""


def add_training_options(stage: argparse.ArgumentParser) -> None:
    """Add the options that `new_run` reads."""
    data = stage.add_mutually_exclusive_group()
    data.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="your own pictures: DIR/CLASS/* or DIR/{train,val,test}/CLASS/*; "
        "for segmenters DIR/images, DIR/masks and DIR/classes.txt",
    )
    data.add_argument("--dataset", choices=DATASETS, help="a public dataset other than the recipe's")
    stage.add_argument(
        "--size", type=int, metavar="PX", help="edge of your pictures for the network (default: paper's)"
    )
    stage.add_argument(
        "--weights",
        metavar="FILE",
        help="weights to start from, of the same network or, for FCNs, of their trunk; 'default': the well-known file",
    )
    stage.add_argument("--epochs", type=int, help="train for so many epochs, the warm-up in proportion")
    stage.add_argument("--precision", choices=get_args(Precision), help="numbers to compute in (default: the recipe's)")
    stage.add_argument(
        "--option",
        type=network_option,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of the network, such as residual=false; may be given again",
    )
    stage.add_argument("--force", action="store_true", help="throw the run's earlier files away and train anew")
    masks = stage.add_argument_group("segmenters (default: the recipe's)")
    masks.add_argument("--ignore-index", type=int, metavar="ID", help="pixels of this class count for nothing")
    masks.add_argument(
        "--class-weights",
        type=class_weights,
        metavar="WEIGHTS",
        help="in the cross entropy: even, balanced, or one number per class, as in 0.2,1,1",
    )
    masks.add_argument("--cross-entropy-weight", type=float, metavar="SHARE", help="of the cross entropy in the loss")
    masks.add_argument("--dice-weight", type=float, metavar="SHARE", help="of the Dice loss in the loss")


def new_run(options: argparse.Namespace, path: Path) -> RunFolder:
    """The run in the folder `path` that the options describe.

    Raises:
        UsageError: a value is out of its range, or does not fit the network.
        BadWeights: the file of weights cannot be used.
    """
    pictures_dir = options.data.resolve() if options.data else None
    weights = _weights_file(options)
    if weights and options.force and weights.resolve().is_relative_to(path.resolve()):
        raise UsageError(
            f"--force would throw {weights} away, from which training is to start: name the run with --name."
        )
    source = DataSource(data_dir=options.data_dir, pictures_dir=pictures_dir)
    run = RunFolder(path=path, recipe=RECIPES[options.model], source=source, weights=weights)
    try:
        recipe = _changed(_on_data(run, options), options)
    except ValueError as error:
        raise UsageError(f"{error}.") from None
    return replace(run, recipe=recipe)


def _weights_file(options: argparse.Namespace) -> Path | None:
    if options.weights is None:
        return None
    if options.weights != WELL_KNOWN:
        return Path(options.weights)
    from export.public_weights.default_file import default_file

    return default_file(options.model, options.data_dir)


def _on_data(run: RunFolder, options: argparse.Namespace) -> Recipe:
    """The recipe for the data, the weights and the network's options that were named."""
    recipe, pictures_dir, weights = run.recipe, run.source.pictures_dir, run.weights
    if options.size is not None and not pictures_dir:
        raise ValueError("--size goes with --data")
    if options.dataset and options.dataset != recipe.dataset:
        recipe = recipe.on_other_data(options.dataset, keeps_polarity=True)
    if not (pictures_dir or weights or options.option):
        return recipe
    # These need torch, which takes seconds to import: only where they are asked for.
    from export.blueprint import check_takes
    from export.fine_tuning import start_from, start_noted
    from export.recipes.adaptation import adapted
    from export.recipes.mask_adaptation import adapted_masks

    network_options = dict(options.option)
    start = None
    if weights:
        # Once begun, a training has no more need of the file.
        start = None if weights.is_file() else start_noted(run, weights)
        start = start or start_from(recipe.model, weights, network_options)
    choices: dict[str, Any] = {
        "own_pictures": pictures_dir.name if pictures_dir else None,
        "edge_px": options.size,
        "options": network_options,
        "start": start,
    }
    if isinstance(recipe, SegmentationRecipe):
        recipe = adapted_masks(recipe, **choices)
    else:
        assert isinstance(recipe, ClassificationRecipe)
        recipe = adapted(recipe, **choices)
    channels = recipe.preprocessing.channels
    check_takes(recipe.model, options=recipe.options, in_channels=channels, input_px=recipe.input_px)
    return recipe


def _changed(recipe: Recipe, options: argparse.Namespace) -> Recipe:
    epochs = options.epochs if options.epochs is not None else recipe.epochs
    return replace(
        _with_losses(recipe, options),
        epochs=epochs,
        warmup_epochs=recipe.warmup_epochs * epochs / recipe.epochs,
        frozen_epochs=min(recipe.frozen_epochs, epochs // 2),
        precision=options.precision or recipe.precision,
    )


def _with_losses(recipe: Recipe, options: argparse.Namespace) -> Recipe:
    """Raises ValueError where a classifier is asked for what only segmenters have."""
    given = {name: value for name in _OF_SEGMENTERS if (value := getattr(options, name)) is not None}
    if given and not isinstance(recipe, SegmentationRecipe):
        option = "--" + next(iter(given)).replace("_", "-")
        raise ValueError(f"{option} is for segmenters, and {recipe.model} is a classifier")
    return replace(recipe, **given)


def class_weights(text: str) -> tuple[float, ...] | Literal["even", "balanced"]:
    """A word, or the numbers between commas.

    Raises:
        argparse.ArgumentTypeError: it is neither.
    """
    if text == "even":
        return "even"
    if text == "balanced":
        return "balanced"
    try:
        weights = tuple(float(number) for number in text.split(","))
    except ValueError:
        weights = ()
    if not (weights and all(map(math.isfinite, weights))):
        raise argparse.ArgumentTypeError(f"{text!r} is neither even nor balanced nor numbers with commas between them")
    return weights


def network_option(text: str) -> tuple[str, Any]:
    """Split KEY=VALUE; a value that is no JSON is a string.

    Raises:
        argparse.ArgumentTypeError: it is something else, or the key is no option.
    """
    key, equals, value = text.partition("=")
    if not (key.isidentifier() and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    if key in ("num_classes", "in_channels"):
        raise argparse.ArgumentTypeError(f"{key} is no option: the data or the weights say it")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value
