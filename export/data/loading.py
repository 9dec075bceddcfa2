"""From a recipe and a place to look to a dataset: the one door of the stages to their data."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track

from export.data.dataset import Arrays, Dataset, DataSource, Pictures
from export.data.download import download_part
from export.data.idx import read_pair
from export.data.idx_datasets import DATASETS, Part, find_part
from export.data.picture_folders import class_names, read_folder, split_folder
from export.data.split import hold_out
from export.errors import BadData, DataNotFound
from export.recipes.recipe import Recipe
from service.inference.preprocess import preprocess
from service.repository.artifact import Preprocessing

# Where a user's pictures come without a test folder, this share of every class is kept for the test.
TEST_SHARE = 0.15
_FAULTS_NAMED = 10


def load_training(recipe: Recipe, source: DataSource) -> Dataset:
    """The training files, split by the recipe's seed and preprocessed as in serving.

    Raises:
        DataNotFound: the files are nowhere, and cannot be downloaded.
        BadData: a file is damaged, or there is too little to split.
    """
    train, validation = _training_pictures(recipe, source)
    for pictures in (train, validation):
        if len(pictures) == 0:
            raise BadData(f"{recipe.dataset} has too few pictures for a {pictures.split} split.")
    return Dataset(
        name=recipe.dataset,
        labels=train.labels,
        train=to_arrays(train, recipe.preprocessing),
        validation=to_arrays(validation, recipe.preprocessing),
        validation_pictures=validation,
    )


def load_test(recipe: Recipe, source: DataSource) -> Pictures:
    """The test files, which only the evaluate stage reads.

    Raises:
        DataNotFound: the files are nowhere, and cannot be downloaded.
        BadData: a file is damaged, or there is too little to split.
    """
    if source.pictures_dir is None:
        return _idx_pictures(recipe.dataset, "test", source)
    folder, training = split_folder(source.pictures_dir, "test"), split_folder(source.pictures_dir, "train")
    if folder and training:
        return read_folder(folder, class_names(training), dataset=recipe.dataset, split="test")
    everything = _own_pictures(source.pictures_dir, recipe.dataset)
    _, held_out = hold_out(everything.targets, share=TEST_SHARE, seed=recipe.seed)
    if len(held_out) == 0:
        raise BadData(f"{recipe.dataset} has too few pictures for a test split.")
    return everything.take(held_out, split="test")


def check_own_test(recipe: Recipe, source: DataSource) -> None:
    """Find that a user's own test pictures can be read, before hours go into a training; nothing is taken from them.

    Raises:
        BadData: pictures cannot be read, or are of a class that the training pictures do not have.
    """
    if source.pictures_dir is not None:
        _read_each(load_test(recipe, source), lambda _position, _picture: None)


def to_arrays(pictures: Pictures, spec: Preprocessing) -> Arrays:
    """Preprocess every picture as the service does.

    Raises:
        BadData: pictures cannot be read; the sentence names them.
    """
    images = np.empty((len(pictures), spec.height or 0, spec.width or 0, spec.channels), dtype=np.uint8)

    def keep(position: int, picture: Image.Image) -> None:
        images[position] = preprocess(picture, spec)

    _read_each(pictures, keep)
    return Arrays(images=images, targets=pictures.targets)


def _read_each(pictures: Pictures, use: Callable[[int, Image.Image], None]) -> None:
    """Decode every picture and hand it on, with progress; raises BadData, once, for all that cannot be read."""
    faults: list[str] = []
    title = f"{pictures.dataset}: reading {pictures.split} pictures"
    positions = range(len(pictures))
    for position in track(positions, description=title, transient=True, disable=not Console().is_terminal):
        try:
            use(position, pictures.read(position))
        except BadData as error:
            faults.append(str(error).rstrip("."))
    if faults:
        more = f" and {len(faults) - _FAULTS_NAMED} more" if len(faults) > _FAULTS_NAMED else ""
        count = "1 picture" if len(faults) == 1 else f"{len(faults)} pictures"
        raise BadData(f"{count} cannot be read: {'; '.join(faults[:_FAULTS_NAMED])}{more}.")


def _training_pictures(recipe: Recipe, source: DataSource) -> tuple[Pictures, Pictures]:
    """(train, validation), before preprocessing."""
    if source.pictures_dir is None:
        everything = _idx_pictures(recipe.dataset, "train", source)
    else:
        everything = _own_pictures(source.pictures_dir, recipe.dataset)
        if split_folder(source.pictures_dir, "test") is None:
            kept, held_out = hold_out(everything.targets, share=TEST_SHARE, seed=recipe.seed)
            print(
                f"{source.pictures_dir} has no test folder: {len(held_out)} of {len(everything)} pictures are "
                f"held out for the test, the same ones every time (seed {recipe.seed})."
            )
            everything = everything.take(kept, split="train")
        folder = split_folder(source.pictures_dir, "validation")
        if folder is not None:
            labels = everything.labels
            return everything, read_folder(folder, labels, dataset=recipe.dataset, split="validation")
    kept, held_out = hold_out(everything.targets, share=recipe.validation_share, seed=recipe.seed)
    return everything.take(kept, split="train"), everything.take(held_out, split="validation")


def _own_pictures(root: Path, dataset: str) -> Pictures:
    """A user's training pictures: of the train folder, or of the whole folder where there is none."""
    folder = split_folder(root, "train") or root
    return read_folder(folder, class_names(folder), dataset=dataset, split="train")


def _idx_pictures(name: str, part: Part, source: DataSource) -> Pictures:
    """One part of a public dataset, downloaded where it is not found."""
    dataset = DATASETS.get(name)
    if dataset is None:
        raise DataNotFound(f"There is no dataset {name!r}; there are {', '.join(DATASETS)}, and --data for your own.")
    paths = find_part(dataset, part, source.data_dir) or download_part(dataset, part, source.data_dir)
    images, targets = read_pair(*paths, classes=len(dataset.labels))
    return Pictures(
        dataset=name,
        split=part,
        labels=dataset.labels,
        targets=targets,
        read=lambda position: Image.fromarray(images[position]),
    )
