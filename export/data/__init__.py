"""Datasets: found or downloaded, checked, split, preprocessed as in serving."""

from export.data.dataset import Arrays, Dataset, DataSource, Pictures

__all__ = ["Arrays", "DataSource", "Dataset", "Pictures"]
