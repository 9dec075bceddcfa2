"""Datasets: found or downloaded, checked, split, preprocessed as in serving."""

from export.data.dataset import Arrays, Dataset, DataSource, Pictures
from export.data.masked import IGNORED, MaskedArrays, MaskedDataset, MaskedPictures
from export.data.masked_folders import MaskedFolder, check_masked_folder, open_masked_folder, split_masked_folder

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
