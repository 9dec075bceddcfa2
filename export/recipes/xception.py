"""Xception on Fashion-MNIST, with a first convolution that keeps the resolution.

Paper       Chollet 2016, "Xception: Deep Learning with Depthwise Separable Convolutions"
Data        Fashion-MNIST: 55,000 training files to learn from, 5,000 to choose by, 10,000 test files
Results     docs/results.md
Command     python -m export run xception
"""

from export.recipes.fashion_mnist import family

RECIPES = family("xception", epochs=12, minimum_accuracy=0.92)
