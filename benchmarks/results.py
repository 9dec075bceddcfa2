"""`python -m benchmarks.results`: the table of classifiers in docs/results.md, out of finished runs.

Nothing is measured here. Accuracies are those that `export evaluate` has left beside the published files, epochs and
time those of the runs. A network without both has no row.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.finished import Finished, finished_among
from benchmarks.markdown import print_table
from export.classification.evaluation import Evaluation
from export.recipes import CLASSIFIERS

PUBLISHED = {
    "alexnet": "89.9 (AlexNet with triplet loss)",
    "vgg16_bn": "93.5 (VGG16, 26 million parameters)",
    "googlenet": "93.7 (GoogLeNet)",
    "resnet18": "94.9 (ResNet-18)",
    "densenet_bc_100_12": "95.4 (DenseNet-BC, 768 thousand parameters)",
}
"""Test accuracy in percent in the list that Fashion-MNIST's own page keeps; other networks are not in it."""
_HEADER = ("network", "parameters", "multiply-adds", "test accuracy", "epochs", "hours", "in that list", "command")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the rows in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results", description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: %(default)s)")
    parser.add_argument("--repository", type=Path, default=Path("model_repository"), help="default: %(default)s")
    parser.add_argument("--dataset", default="fashion-mnist", help="default: %(default)s")
    options = parser.parse_args(arguments)
    names = [name for name, recipe in CLASSIFIERS.items() if recipe.dataset == options.dataset]
    print_table(_HEADER, map(_cells, finished_among(names, options.runs, options.repository)))


def _cells(finished: Finished) -> tuple[str, ...]:
    assert isinstance(finished.evaluation, Evaluation)
    return (
        f"`{finished.name}`",
        f"{finished.parameters:,}",
        f"{finished.multiply_adds / 1e6:,.0f} M",
        f"{finished.evaluation.accuracy:.2%}",
        str(finished.epochs),
        f"{finished.training_s / 3600:.1f}",
        PUBLISHED.get(finished.name, ""),
        f"`{finished.command}`",
    )


if __name__ == "__main__":
    main()
