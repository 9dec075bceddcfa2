"""The command line of the pipeline: python -m export {train,onnx,verify,publish,evaluate,run,sheet} MODEL.

Exit code 0 when the stage did its work, 1 when it could not (one sentence on stderr says why), 2 when the command
itself makes no sense, 130 when it was interrupted.
"""

# The stages import torch, lightning and onnx, which takes seconds: each is imported when it runs, so that --help
# and mistakes on the command line answer at once.

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from export.data.dataset import DataSource
from export.data.idx_datasets import DATASETS
from export.errors import StageError, UsageError
from export.recipes import RECIPES
from export.recipes.recipe import Precision, Recipe
from export.run_folder import RunFolder, open_run
from service.repository.folder import NAME

Options = argparse.Namespace


def _train(options: Options) -> None:
    """Train a network by its recipe; goes on where an interrupted training stopped."""
    _train_run(_new_run(options), options)


def _onnx(options: Options) -> None:
    """Turn the trained network into one self-describing ONNX file."""
    _onnx_run(_old_run(options))


def _verify(options: Options) -> None:
    """Compare the file with torch and measure it through the serving path."""
    _verify_run(_old_run(options))


def _publish(options: Options) -> None:
    """Put the verified file into the model repository as the next version."""
    _publish_run(_old_run(options), options.repository)


def _evaluate(options: Options) -> None:
    """Measure a published version on the test files."""
    _evaluate_run(_published_run(options), options.repository, options.version)


def _sheet(options: Options) -> None:
    """Draw a test picture of every class beside the map of what decided for it."""
    from export.sheet import draw_sheet

    draw_sheet(_published_run(options), options.repository, options.out, version=options.version)
    print(f"Drew {options.out}.")


def _run(options: Options) -> None:
    """All stages in order; what has finished is not done again."""
    run = _new_run(options)
    _train_run(run, options)
    _onnx_run(run)
    _verify_run(run)
    _publish_run(run, options.repository)
    _evaluate_run(run, options.repository, None)


STAGES: dict[str, Callable[[Options], None]] = {
    "train": _train,
    "onnx": _onnx,
    "verify": _verify,
    "publish": _publish,
    "evaluate": _evaluate,
    "run": _run,
    "sheet": _sheet,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage; the exit code of the process."""
    options = _parser().parse_args(arguments)
    try:
        STAGES[options.stage](options)
    except UsageError as error:
        return _fail(str(error), 2)
    except StageError as error:
        return _fail(str(error), 1)
    except ModuleNotFoundError as error:
        return _fail(f"The pipeline needs {error.name}, which 'make setup-dev' installs.", 1)
    except OSError as error:
        if error.filename is None:
            raise
        return _fail(f"{error.filename}: {error.strerror}.", 1)
    except KeyboardInterrupt:
        return _fail("Interrupted; the same command goes on from here.", 130)
    return 0


def _fail(sentence: str, code: int) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m export", description="From a dataset to a published model.")
    stages = parser.add_subparsers(dest="stage", required=True, metavar="STAGE")
    for name, function in STAGES.items():
        text = function.__doc__ or ""
        stage = stages.add_parser(name, help=text, description=f"{name}: {text}")
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
            _add_training_options(stage)
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


def _add_training_options(stage: argparse.ArgumentParser) -> None:
    data = stage.add_mutually_exclusive_group()
    data.add_argument(
        "--data", type=Path, metavar="DIR", help="your own pictures: DIR/CLASS/* or DIR/{train,val,test}/CLASS/*"
    )
    data.add_argument("--dataset", choices=DATASETS, help="a public dataset other than the recipe's")
    stage.add_argument("--epochs", type=int, help="train for so many epochs, the warm-up in proportion")
    stage.add_argument("--precision", choices=get_args(Precision), help="numbers to compute in (default: the recipe's)")
    stage.add_argument("--force", action="store_true", help="throw the run's earlier files away and train anew")


def _new_run(options: Options) -> RunFolder:
    """The run that the training options describe.

    Raises:
        UsageError: a value is out of its range.
    """
    recipe = RECIPES[options.model]
    pictures_dir = options.data.resolve() if options.data else None
    if pictures_dir:
        recipe = recipe.on_other_data(pictures_dir.name, keeps_polarity=False)
    elif options.dataset and options.dataset != recipe.dataset:
        recipe = recipe.on_other_data(options.dataset, keeps_polarity=True)
    source = DataSource(data_dir=options.data_dir, pictures_dir=pictures_dir)
    return RunFolder(path=_path(options), recipe=_changed(recipe, options), source=source)


def _changed(recipe: Recipe, options: Options) -> Recipe:
    epochs = options.epochs if options.epochs is not None else recipe.epochs
    try:
        return replace(
            recipe,
            epochs=epochs,
            warmup_epochs=recipe.warmup_epochs * epochs / recipe.epochs,
            precision=options.precision or recipe.precision,
        )
    except ValueError as error:
        raise UsageError(f"{error}.") from None


def _old_run(options: Options) -> RunFolder:
    """The run that a training began earlier."""
    return open_run(_path(options), options.model, data_dir=getattr(options, "data_dir", None))


def _published_run(options: Options) -> RunFolder:
    """The run of a published model. Its folder may be gone: the published file tells all but where pictures lie."""
    path = _path(options)
    if options.data is None and (path / "run.json").is_file():
        return _old_run(options)
    pictures_dir = options.data.resolve() if options.data else None
    source = DataSource(data_dir=options.data_dir, pictures_dir=pictures_dir)
    return RunFolder(path=path, recipe=RECIPES[options.model], source=source)


def _path(options: Options) -> Path:
    """Folder of the run.

    Raises:
        UsageError: the name could not be a published model's.
    """
    name: str = options.name or options.model
    if not NAME.fullmatch(name):
        raise UsageError(f"--name {name!r} cannot name a model: letters, digits, '.', '_' and '-', 128 at most.")
    folder: Path = options.runs
    return folder / name


def _train_run(run: RunFolder, options: Options) -> None:
    from export.train import train

    if options.force:
        run.discard()
    train(run)


def _onnx_run(run: RunFolder) -> None:
    from export.onnx_graph import export_onnx

    print(f"Exported {export_onnx(run)}.")


def _verify_run(run: RunFolder) -> None:
    from export.verify import verify

    verification = verify(run)
    worst = max(verification.relative_errors().values())
    accuracy = verification.accuracy
    print(
        f"Verified {run.graph}: largest difference from torch {worst:.1e} of the largest value; "
        f"{accuracy.split} accuracy {accuracy.value:.2%} on {accuracy.images} pictures through the serving path."
    )


def _publish_run(run: RunFolder, repository: Path) -> None:
    from export.publish import publish

    publication = publish(run, repository)
    print(f"{'Published' if publication.is_new else 'Already published:'} {publication.path}.")


def _evaluate_run(run: RunFolder, repository: Path, version: int | None) -> None:
    from export.evaluate import evaluate

    evaluation = evaluate(run, repository, version=version)
    print(
        f"Evaluated {run.name}: accuracy {evaluation.accuracy:.2%} on the {evaluation.images} test pictures "
        f"of {evaluation.dataset}."
    )


if __name__ == "__main__":
    raise SystemExit(main())
