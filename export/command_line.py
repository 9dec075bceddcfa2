"""What the command line takes: stages, their options, their help."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from export.public_weights.options import add_weights_options
from export.recipes import RECIPES
from export.training_options import add_training_options

Options = argparse.Namespace


def build_parser(stages: Mapping[str, Callable[[Options], None]]) -> argparse.ArgumentParser:
    """The parser of `python -m export`; a stage's help is the docstring of its function."""
    parser = argparse.ArgumentParser(prog="python -m export", description="From a dataset to a published model.")
    subparsers = parser.add_subparsers(dest="stage", required=True, metavar="STAGE")
    for name, function in stages.items():
        text = function.__doc__ or ""
        stage = subparsers.add_parser(name, help=text, description=f"{name}: {text}")
        if name == "compare":
            _add_comparison(stage)
            continue
        stage.add_argument("model", choices=RECIPES, metavar="MODEL", help=f"one of {', '.join(RECIPES)}")
        stage.add_argument("--name", help="name of the run and of the published model (default: MODEL)")
        stage.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")
        if name in ("train", "verify", "evaluate", "run", "sheet"):
            stage.add_argument(
                "--data-dir",
                type=Path,
                help="folder of IDX files (default: CONVOY_DATA, else data); downloads go there",
            )
        if name in ("train", "run"):
            add_training_options(stage)
        if name in ("onnx", "run", "publish"):
            stage.add_argument(
                "--cam",
                choices=("own", "hirescam"),
                default="own",
                help="map in the graph (default: the network's own)",
            )
        if name == "publish":
            stage.add_argument(
                "--convolutional",
                action="store_true",
                help="turn the fully connected head into convolutions, for class scores by pixel; NAME-convolutional",
            )
            add_weights_options(stage)
        if name in ("publish", "evaluate", "run", "sheet"):
            stage.add_argument(
                "--repository",
                type=Path,
                default=Path("model_repository"),
                help="folder of published models (default: model_repository)",
            )
        if name in ("evaluate", "sheet"):
            stage.add_argument("--version", type=int, help="published version (default: the newest)")
            stage.add_argument("--data", type=Path, metavar="DIR", help="your own pictures instead of its dataset")
        if name == "sheet":
            stage.add_argument("--out", type=Path, required=True, metavar="FILE", help="PNG to write")
    return parser


def _add_comparison(stage: argparse.ArgumentParser) -> None:
    """The one stage that is about several runs."""
    stage.add_argument("names", nargs="+", metavar="RUN", help="names of runs")
    stage.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")
    stage.add_argument("--title", default="", help="headline of the picture")
    stage.add_argument("--out", type=Path, required=True, metavar="FILE", help="PNG to write")
