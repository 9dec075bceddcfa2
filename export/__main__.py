"""The command line of the pipeline: python -m export {train,onnx,verify,publish,evaluate,run,sheet} MODEL, and compare.

Exit code 0 when the stage did its work, 1 when it could not (one sentence on stderr says why), 2 when the command
itself makes no sense, 130 when it was interrupted.
"""

# The stages import torch, lightning and onnx, which takes seconds: each is imported when it runs, so that --help
# and mistakes on the command line answer at once.

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from export.command_line import Options, build_parser
from export.data.dataset import DataSource
from export.errors import StageError, UsageError
from export.public_weights.options import bring_by, check_no_weights_options
from export.recipes import RECIPES
from export.run_folder import RunFolder, open_run
from export.training_options import new_run
from service.repository.folder import NAME


def _train(options: Options) -> None:
    """Train a network by its recipe; goes on where an interrupted training stopped."""
    _train_run(new_run(options, _path(options)), options)


def _onnx(options: Options) -> None:
    """Turn the trained network into one self-describing ONNX file."""
    _check_cam(options)
    _onnx_run(_old_run(options), options.cam)


def _verify(options: Options) -> None:
    """Compare the file with torch and measure it through the serving path."""
    _verify_run(_old_run(options))


def _publish(options: Options) -> None:
    """Put the verified file, or weights that you already have, into the model repository as the next version."""
    if options.weights is not None:
        bring_by(options, _published_name(options))
        return
    check_no_weights_options(options)
    if options.convolutional:
        _publish_convolutional(_old_run(options), options.repository, _published_name(options))
        return
    _publish_run(_old_run(options), options.repository)


def _evaluate(options: Options) -> None:
    """Measure a published version on the test files."""
    _evaluate_run(_published_run(options), options.repository, options.version)


def _sheet(options: Options) -> None:
    """Draw test pictures beside the maps, or the masks, that a published version makes of them."""
    from export.sheet import draw_sheet

    draw_sheet(_published_run(options), options.repository, options.out, version=options.version)
    print(f"Drew {options.out}.")


def _compare(options: Options) -> None:
    """Draw the score on the validation data over training steps, one curve per run."""
    from export.comparison import draw_comparison, read_curve
    from export.training.epoch_log import in_words

    curves = [read_curve(options.runs / name) for name in options.names]
    draw_comparison(curves, options.out, title=options.title)
    for curve in curves:
        print(f"{curve.name}: best validation {in_words(curve.score)} {curve.best:.2%}, {curve.steps[-1]:,} steps.")
    print(f"Drew {options.out}.")


def _run(options: Options) -> None:
    """All stages in order; what has finished is not done again."""
    _check_cam(options)
    run = new_run(options, _path(options))
    _train_run(run, options)
    _onnx_run(run, options.cam)
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
    "compare": _compare,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage; the exit code of the process."""
    options = build_parser(STAGES).parse_args(arguments)
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
    name: str = options.model if options.name is None else options.name
    if not NAME.fullmatch(name):
        raise UsageError(f"--name {name!r} cannot name a model: letters, digits, '.', '_' and '-', 128 at most.")
    folder: Path = options.runs
    return folder / name


def _check_cam(options: Options) -> None:
    """Raises UsageError where a map is chosen for a network that has none."""
    if options.cam != "own" and RECIPES[options.model].task != "image-classification":
        raise UsageError(f"--cam goes with classifiers, and {options.model} has no map.")


def _published_name(options: Options) -> str:
    """Name of the model to publish; a convolutional form stands beside its network."""
    name = _path(options).name
    if not options.convolutional:
        return name
    if not NAME.fullmatch(convolutional := f"{name}-convolutional"):
        raise UsageError(f"{convolutional!r} is too long for the name of a model.")
    return convolutional


def _train_run(run: RunFolder, options: Options) -> None:
    from export.train import train

    if options.force:
        run.discard()
    train(run)


def _onnx_run(run: RunFolder, cam: Literal["own", "hirescam"]) -> None:
    from export.onnx_graph import export_onnx

    print(f"Exported {export_onnx(run, cam=cam)}.")


def _verify_run(run: RunFolder) -> None:
    from export.verify import verify

    verification = verify(run)
    worst = max(verification.relative_errors().values())
    assert verification.quality is not None
    score = verification.quality.score
    print(
        f"Verified {run.graph}: largest difference from torch {worst:.1e} of the largest value; "
        f"{score.split} {score.name} {score.value:.2%} on {score.images} pictures through the serving path."
    )


def _publish_run(run: RunFolder, repository: Path) -> None:
    from export.publish import publish

    publication = publish(run, repository)
    print(f"{'Published' if publication.is_new else 'Already published:'} {publication.path}.")


def _publish_convolutional(run: RunFolder, repository: Path, name: str) -> None:
    from export.blueprint import Blueprint
    from export.classification.score_maps import publish_score_maps
    from export.onnx_graph import describe, load_graph
    from export.publish import check_verified
    from export.serving_graph import ServingGraph

    # The same weights, so what was demanded of the classifier is demanded here.
    check_verified(run)
    graph, facts = load_graph(run)
    if not isinstance(graph, ServingGraph):
        raise UsageError(f"{run.model} is no classifier.")
    publish_score_maps(
        graph, Blueprint.of_recipe(facts.recipe, facts.labels), describe(graph, facts), repository, name=name
    )


def _evaluate_run(run: RunFolder, repository: Path, version: int | None) -> None:
    from export.evaluate import evaluate

    evaluation = evaluate(run, repository, version=version)
    print(f"Evaluated {run.name}: {evaluation.sentence}.")


if __name__ == "__main__":
    raise SystemExit(main())
