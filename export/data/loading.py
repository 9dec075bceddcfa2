"""From a recipe and a place to look to a dataset: the one door of the stages to their data."""



from export.data.dataset import Dataset, DataSource, Pictures
from export.recipes.recipe import Recipe


def load_training(recipe: Recipe, source: DataSource) -> Dataset:
    """The training files, split with the recipe's seed and preprocessed as in serving.

    Raises:
        DataNotFound: the files are nowhere, and cannot be downloaded.
        BadData: a file is damaged.
    """
    raise NotImplementedError


def load_test(recipe: Recipe, source: DataSource) -> Pictures:
    """The test files, which only the evaluate stage reads.

    Raises:
        DataNotFound: the files are nowhere, and cannot be downloaded.
        BadData: a file is damaged.
    """
    raise NotImplementedError
