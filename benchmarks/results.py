"""`python -m benchmarks.results`: the table of docs/results.md, out of finished runs and what they published.

Nothing is measured here. Accuracies are those that `export evaluate` has left beside the published files, epochs and
time those of the runs. A network without both has no row.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from export.checkpoint import load_facts
from export.classification.evaluation import Evaluation
from export.errors import StageError
from export.evaluation_file import read_evaluation
from export.publish import versions_of
from export.recipes import RECIPES
from export.run_folder import open_run
from models import build_model
from models.layer_table import layer_table

PUBLISHED = {
    "alexnet": "89.9 (AlexNet with triplet loss)",
    "vgg16_bn": "93.5 (VGG16, 26 million parameters)",
    "googlenet": "93.7 (GoogLeNet)",
    "resnet18": "94.9 (ResNet-18)",
    "densenet_bc_100_12": "95.4 (DenseNet-BC, 768 thousand parameters)",
}
"""Test accuracy in percent in the list that Fashion-MNIST's own page keeps; other networks are not in it."""
_HEADER = ("network", "parameters", "multiply-adds", "test accuracy", "epochs", "hours", "in that list", "command")


@dataclass(frozen=True, kw_only=True)
class Result:
    """One finished training and its published file."""

    name: str
    parameters: int
    """Without classifiers that only training uses."""
    multiply_adds: int
    test_accuracy: float
    """Of the published file, in [0, 1]."""
    epochs: int
    """All that were trained; the weights of the best are published."""
    training_s: float

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        return (
            f"`{self.name}`",
            f"{self.parameters:,}",
            f"{self.multiply_adds / 1e6:,.0f} M",
            f"{self.test_accuracy:.2%}",
            str(self.epochs),
            f"{self.training_s / 3600:.1f}",
            PUBLISHED.get(self.name, ""),
            f"`python -m export run {self.name}`",
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the rows in Markdown, and name on stderr what has none."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results", description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: %(default)s)")
    parser.add_argument("--repository", type=Path, default=Path("model_repository"), help="default: %(default)s")
    parser.add_argument("--dataset", default="fashion-mnist", help="default: %(default)s")
    options = parser.parse_args(arguments)
    print(f"| {' | '.join(_HEADER)} |\n|{' --- |' * len(_HEADER)}")
    for name, recipe in RECIPES.items():
        if recipe.dataset != options.dataset:
            continue
        try:
            result = read_result(name, options.runs, options.repository)
        except StageError:
            continue
        if result is not None:
            print(f"| {' | '.join(result.cells())} |")


def read_result(name: str, runs: Path, repository: Path) -> Result | None:
    """The result of the run `name`; None where its newest version has not been evaluated.

    Raises:
        StageError: the training has not finished, or a file is damaged.
    """
    run = open_run(runs / name, name, data_dir=None)
    facts = load_facts(run)
    versions = versions_of(repository, name)
    evaluation = read_evaluation(versions[max(versions)]) if versions else None
    if not isinstance(evaluation, Evaluation):
        return None
    channels = facts.recipe.preprocessing.channels
    with torch.device("meta"):
        network = build_model(name, num_classes=len(facts.labels), in_channels=channels, **facts.recipe.options)
    table = layer_table(network, in_channels=channels, input_px=facts.recipe.input_px)
    return Result(
        name=name,
        parameters=table.parameters,
        multiply_adds=table.multiply_adds,
        test_accuracy=evaluation.accuracy,
        epochs=len(run.metrics.read_text(encoding="utf-8").splitlines()) - 1,
        training_s=facts.training_s,
    )


if __name__ == "__main__":
    main()
