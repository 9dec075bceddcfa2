"""From a recipe and a place to look to pictures with masks: the one door of the stages to data for segmentation."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track

from export.data.dataset import DataSource, SplitName
from export.data.loading import TEST_SHARE
from export.data.masked import MaskedArrays, MaskedDataset, MaskedPictures
from export.data.masked_folders import (
    MaskedFolder,
    check_masked_folder,
    held_out_test,
    open_masked_folder,
    split_masked_folder,
)
from export.data.scenes import NAME as SCENES
from export.data.scenes import open_scenes
from export.errors import BadData, DataNotFound
from export.recipes.recipe import SegmentationRecipe
from service.inference.placement import place
from service.inference.preprocess import preprocess
from service.repository.artifact import UNKNOWN_DATASET, Preprocessing

SCENES_PER_SPLIT: dict[SplitName, int] = {"train": 55_000, "validation": 1_000, "test": 2_000}
"""Five items for each scene: of 55,000 items each is laid down five times at most, of 5,000 and of 10,000 once."""


def load_masked_training(recipe: SegmentationRecipe, source: DataSource) -> MaskedDataset:
    """The training files, split by the recipe's seed and preprocessed as in serving.

    All of a user's folder is read and checked before, test files included; nothing is taken from those.

    Raises:
        DataNotFound: the files are nowhere, and cannot be downloaded.
        BadData: files cannot be used, or there is too little to split.
    """
    if source.pictures_dir is None:
        train, validation = (_scenes(recipe, source, split) for split in ("train", "validation"))
    else:
        folder = open_masked_folder(source.pictures_dir, dataset=recipe.dataset)
        check_masked_folder(folder)
        train, validation, test = _split(recipe, folder)
        if len(train) == 1:
            # Batch normalisation has nothing to go by where the maps of a single picture have shrunk to one position.
            raise BadData(f"{source.pictures_dir} has one picture to learn from; there must be two at least.")
        if "test" not in folder.splits:
            print(
                f"{source.pictures_dir} has no test split: {len(test)} pictures are held out for the test, the same "
                f"ones every time (seed {recipe.seed})."
            )
    return MaskedDataset(
        name=recipe.dataset,
        labels=train.labels,
        train=to_masked_arrays(train, recipe.preprocessing),
        validation=to_masked_arrays(validation, recipe.preprocessing),
    )


def load_masked_validation(recipe: SegmentationRecipe, source: DataSource) -> MaskedPictures:
    """The validation pictures alone; raises as `load_masked_training`, but for files that cannot be decoded."""
    if source.pictures_dir is None:
        return _scenes(recipe, source, "validation")
    return _split(recipe, open_masked_folder(source.pictures_dir, dataset=recipe.dataset))[1]


def load_masked_test(recipe: SegmentationRecipe, source: DataSource) -> MaskedPictures:
    """The test files, which only the evaluate stage reads; a user's own may be all that the folder has.

    Raises:
        DataNotFound: the files are nowhere, and cannot be downloaded.
        BadData: masks or pictures are missing, or there is too little to split.
    """
    if source.pictures_dir is None:
        return _scenes(recipe, source, "test")
    folder = open_masked_folder(source.pictures_dir, dataset=recipe.dataset)
    test = held_out_test(folder, test_share=TEST_SHARE, seed=recipe.seed)
    if "test" not in folder.splits:
        print(
            f"{source.pictures_dir} has no test split: the test is {len(test)} of its {len(folder.splits['train'])} "
            f"pictures, the same every time (seed {recipe.seed})."
        )
    return test.ignoring(recipe.ignore_index)


def to_masked_arrays(pictures: MaskedPictures, spec: Preprocessing) -> MaskedArrays:
    """Preprocess every picture as the service does, and bring its mask to the same size.

    Raises:
        BadData: a picture or a mask cannot be used.
    """
    images, masks = [], []
    title = f"{pictures.dataset}: reading {pictures.split} pictures"
    positions = track(range(len(pictures)), description=title, transient=True, disable=not Console().is_terminal)
    for position in positions:
        picture, mask = pictures.read(position)
        images.append(preprocess(picture, spec))
        masks.append(_resized(mask, place(picture.size, spec).input_px))
    return MaskedArrays(images=tuple(images), masks=tuple(masks))


def _resized(mask: NDArray[np.uint8], size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """A mask at another size: each pixel has the class of the pixel at its centre."""
    if (mask.shape[1], mask.shape[0]) == size_px:
        return mask
    return np.asarray(Image.fromarray(mask).resize(size_px, Image.Resampling.NEAREST))


def _scenes(recipe: SegmentationRecipe, source: DataSource, split: SplitName) -> MaskedPictures:
    if recipe.dataset == UNKNOWN_DATASET:
        raise DataNotFound(
            "What the model was trained on is not known: name a folder of pictures and masks with --data DIR."
        )
    if recipe.dataset != SCENES:
        raise DataNotFound(
            f"There is no dataset {recipe.dataset!r} with masks; there is {SCENES}, and --data for your own."
        )
    scenes = open_scenes(split, source, share=recipe.validation_share, seed=recipe.seed)
    return scenes.pictures(SCENES_PER_SPLIT[split]).ignoring(recipe.ignore_index)


def _split(recipe: SegmentationRecipe, folder: MaskedFolder) -> tuple[MaskedPictures, MaskedPictures, MaskedPictures]:
    """(train, validation, test), without the class that the recipe ignores."""
    train, validation, test = split_masked_folder(
        folder, validation_share=recipe.validation_share, test_share=TEST_SHARE, seed=recipe.seed
    )
    index = recipe.ignore_index
    return train.ignoring(index), validation.ignoring(index), test.ignoring(index)
