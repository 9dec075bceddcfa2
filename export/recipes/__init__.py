"""One frozen recipe per network; each file's docstring is the card of its experiment."""

from export.recipes import alexnet, densenet, googlenet, lenet5, mnist_cnn, resnet, vgg, xception
from export.recipes.recipe import Augmentation, Recipe

RECIPES: dict[str, Recipe] = {
    "lenet5": lenet5.RECIPE,
    "mnist_cnn": mnist_cnn.RECIPE,
    **alexnet.RECIPES,
    **vgg.RECIPES,
    **googlenet.RECIPES,
    **resnet.RECIPES,
    **densenet.RECIPES,
    **xception.RECIPES,
}

__all__ = ["RECIPES", "Augmentation", "Recipe"]
