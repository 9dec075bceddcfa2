"""AlexNet on Fashion-MNIST, with a stem that keeps the resolution, and its variant that ends in average pooling.

Paper       Krizhevsky, Sutskever, Hinton 2012, "ImageNet Classification with Deep Convolutional Neural Networks"
Data        Fashion-MNIST: 55,000 training files to learn from, 5,000 to choose by, 10,000 test files
Results     docs/results.md
Command     python -m export run alexnet

Without normalisation the network bears a tenth of the others' learning rate: the paper's own, 0.01.
"""

from export.recipes.fashion_mnist import family

RECIPES = {
    **family("alexnet", epochs=12, learning_rate=0.01, minimum_accuracy=0.90),
    **family("alexnet_gap", epochs=12, learning_rate=0.01),
}
