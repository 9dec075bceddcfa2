"""DenseNet on Fashion-MNIST: DenseNet-BC of 100 layers with growth 12, and the networks for ImageNet with its stem.

Paper       Huang, Liu, van der Maaten, Weinberger 2016, "Densely Connected Convolutional Networks", section 4.2
Data        Fashion-MNIST: 55,000 training files to learn from, 5,000 to choose by, 10,000 test files
Results     docs/results.md
Command     python -m export run densenet_bc_100_12

Weight decay 1e-4 and batches of 64 as in the paper.
"""

from export.recipes.fashion_mnist import family

RECIPES = {
    **family("densenet_bc_100_12", options={}, epochs=12, batch_size=64, weight_decay=1e-4, minimum_accuracy=0.93),
    **family("densenet121", "densenet169", "densenet201"),
}
