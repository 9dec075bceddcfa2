"""One frozen recipe per network; each file's docstring is the card of its experiment."""

from export.recipes import alexnet, densenet, fcn, googlenet, lenet5, mnist_cnn, resnet, unet, vgg, xception
from export.recipes.recipe import Augmentation, ClassificationRecipe, Recipe, SegmentationRecipe

CLASSIFIERS: dict[str, ClassificationRecipe] = {
    "lenet5": lenet5.RECIPE,
    "mnist_cnn": mnist_cnn.RECIPE,
    **alexnet.RECIPES,
    **vgg.RECIPES,
    **googlenet.RECIPES,
    **resnet.RECIPES,
    **densenet.RECIPES,
    **xception.RECIPES,
}
SEGMENTERS: dict[str, SegmentationRecipe] = {**fcn.RECIPES, **unet.RECIPES}
RECIPES: dict[str, Recipe] = {**CLASSIFIERS, **SEGMENTERS}

__all__ = [
    "CLASSIFIERS",
    "RECIPES",
    "SEGMENTERS",
    "Augmentation",
    "ClassificationRecipe",
    "Recipe",
    "SegmentationRecipe",
]
