"""Weights that people already have: reading their files, telling what they fit, publishing them."""
