"""FCN on fashion-scenes, on the trunk of a VGG16 that was trained on Fashion-MNIST.

Paper       Long, Shelhamer, Darrell 2015, "Fully Convolutional Networks for Semantic Segmentation"
Data        fashion-scenes: 55,000 scenes to learn from, 11,000 an epoch, 1,000 to choose by, 2,000 test scenes
Results     docs/results.md
Command     python -m export run fcn8s --weights runs/vgg16_bn/checkpoint.pt
"""

from dataclasses import replace

from export.recipes.fashion_scenes import family

# What is demanded of each lies a little below what it reached: the coarser its steps, the less.
_MINIMUM_MEAN_IOU = {"fcn32s": 0.25, "fcn16s": 0.45, "fcn8s": 0.52}
_TRUNK_OF_VGG = family(
    *_MINIMUM_MEAN_IOU,
    # The form of the trunk that export.recipes.vgg trains.
    options={"stem": "small", "normalised": True, "head_width": 512},
    learning_rate=5e-4,
    epochs=4,
    patience_epochs=4,
)
RECIPES = {
    **{name: replace(recipe, minimum_mean_iou=_MINIMUM_MEAN_IOU[name]) for name, recipe in _TRUNK_OF_VGG.items()},
    **family("fcn_resnet50", learning_rate=5e-4, epochs=4, patience_epochs=4),
}
