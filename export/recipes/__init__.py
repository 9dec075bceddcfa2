"""One frozen recipe per network; each file's docstring is the card of its experiment."""

from export.recipes import densenet, lenet5, mnist_cnn, resnet
from export.recipes.recipe import Augmentation, Recipe

RECIPES: dict[str, Recipe] = {
    "lenet5": lenet5.RECIPE,
    "mnist_cnn": mnist_cnn.RECIPE,
    **resnet.RECIPES,
    **densenet.RECIPES,
}

__all__ = ["RECIPES", "Augmentation", "Recipe"]
