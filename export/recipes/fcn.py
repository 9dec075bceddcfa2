"""FCN on fashion-scenes, on the trunk of a VGG16 that was trained on Fashion-MNIST.

Paper       Long, Shelhamer, Darrell 2015, "Fully Convolutional Networks for Semantic Segmentation"
Data        fashion-scenes: 55,000 scenes to learn from, 11,000 an epoch, 1,000 to choose by, 2,000 test scenes
Results     docs/results.md
Command     python -m export run fcn8s --weights runs/vgg16_bn/checkpoint.pt
"""

from export.recipes.fashion_scenes import family

RECIPES = {
    **family(
        "fcn32s",
        "fcn16s",
        "fcn8s",
        # The form of the trunk that export.recipes.vgg trains.
        options={"stem": "small", "normalised": True, "head_width": 512},
        learning_rate=5e-4,
        epochs=4,
        patience_epochs=4,
    ),
    **family("fcn_resnet50", learning_rate=5e-4, epochs=4, patience_epochs=4),
}
