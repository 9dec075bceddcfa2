"""GoogLeNet on Fashion-MNIST, with a stem that keeps the resolution and both auxiliary heads.

Paper       Szegedy et al. 2014, "Going Deeper with Convolutions"
Data        Fashion-MNIST: 55,000 training files to learn from, 5,000 to choose by, 10,000 test files
Results     docs/results.md
Command     python -m export run googlenet
"""

from export.recipes.fashion_mnist import family

RECIPES = family("googlenet", epochs=12, minimum_accuracy=0.92)
