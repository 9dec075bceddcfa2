"""Datasets: found or downloaded, checked, split, preprocessed as in serving."""
