"""Datasets: found or downloaded, checked, split, preprocessed as in serving."""

from export.data.dataset import Arrays, Dataset, DataSource, Pictures
from export.data.masked import MaskedArrays, MaskedDataset, MaskedPictures
from export.data.masked_folders import MaskedFolder, check_masked_folder, open_masked_folder, split_masked_folder
from export.recipes.recipe import IGNORED

__all__ = [
    "IGNORED",
    "Arrays",
    "DataSource",
    "Dataset",
    "MaskedArrays",
    "MaskedDataset",
    "MaskedFolder",
    "MaskedPictures",
    "Pictures",
    "check_masked_folder",
    "open_masked_folder",
    "split_masked_folder",
]
