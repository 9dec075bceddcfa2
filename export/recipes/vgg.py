"""VGG on Fashion-MNIST padded to 32 x 32, with a narrow head, and the variant that ends in average pooling.

Paper       Simonyan, Zisserman 2014, "Very Deep Convolutional Networks for Large-Scale Image Recognition"
Data        Fashion-MNIST: 55,000 training files to learn from, 5,000 to choose by, 10,000 test files
Results     docs/results.md
Command     python -m export run vgg16_bn

Without normalisation the networks bear a tenth of the learning rate: the paper's own, 0.01.
"""

from export.recipes.fashion_mnist import PADDED_TO_32, family

RECIPES = {
    **family("vgg16_bn", preprocessing=PADDED_TO_32, epochs=12, learning_rate=0.05, minimum_accuracy=0.92),
    **family("vgg19_bn", preprocessing=PADDED_TO_32, epochs=12, learning_rate=0.05),
    **family("vgg16", "vgg19", "vgg16_gap", preprocessing=PADDED_TO_32, epochs=12, learning_rate=0.01),
}
