"""`python -m benchmarks.mask_results`: the tables of segmenters in docs/results.md.

Scores are those that `export evaluate` has left beside the published files, epochs and time those of the runs; a
network without both has no row. CPU time is measured here: one picture of the size that was trained on, from its pixels
to its logits, on one thread of onnxruntime; the networks take turns, medians of the rounds stand in the table.
"""

import argparse
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.finished import Finished, finished_among
from benchmarks.markdown import print_table
from benchmarks.turns import take_turns
from export.recipes import SEGMENTERS
from export.segmentation.evaluation import MaskEvaluation
from service.inference.model import load_model
from service.inference.segmenter import logits_of

_HEADER = (
    *("network", "parameters", "multiply-adds", "mean IoU", "pixel accuracy", "CPU ms per picture"),
    *("epochs", "hours", "command"),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print both tables in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mask_results", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="runs of segmenters (default: one of each that has been trained)"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: %(default)s)")
    parser.add_argument("--repository", type=Path, default=Path("model_repository"), help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=11, help="turns of each network (default %(default)s)")
    options = parser.parse_args(arguments)
    finished = finished_among(options.names or SEGMENTERS, options.runs, options.repository)
    missing = set(options.names) - {each.name for each in finished}
    if missing or not finished:
        which = ", ".join(sorted(missing)) or "any segmenter"
        parser.error(f"{options.runs} and {options.repository} do not hold {which}, trained, published and evaluated")
    times_ms = take_turns([_run_of(each) for each in finished], rounds=options.rounds)
    print_table(_HEADER, map(_cells, finished, times_ms))
    print()
    scores = [_scores(each) for each in finished]
    labels = [result.label for result in scores[0].classes]
    columns = (
        ("IoU", *labels),
        *((f"`{each.name}`", *_ious(score)) for each, score in zip(finished, scores, strict=True)),
    )
    header, *rows = zip(*columns, strict=True)
    print_table(header, rows)


def _cells(finished: Finished, times_ms: Sequence[float]) -> tuple[str, ...]:
    scores = _scores(finished)
    return (
        f"`{finished.name}`",
        f"{finished.parameters:,}",
        f"{finished.multiply_adds / 1e6:,.0f} M",
        f"{scores.mean_iou:.2%}",
        f"{scores.pixel_accuracy:.2%}",
        f"{statistics.median(times_ms):.1f}",
        str(finished.epochs),
        f"{finished.training_s / 3600:.1f}",
        f"`{finished.command}`",
    )


def _ious(scores: MaskEvaluation) -> list[str]:
    return ["-" if result.iou is None else f"{result.iou:.1%}" for result in scores.classes]


def _scores(finished: Finished) -> MaskEvaluation:
    assert isinstance(finished.evaluation, MaskEvaluation)
    return finished.evaluation


def _run_of(finished: Finished) -> Callable[[], object]:
    """A function that runs the published file once; its first runs are behind it."""
    model = load_model(
        finished.folder, name=finished.name, version=finished.version, provider="cpu", intra_op_threads=1
    )
    shape = *finished.input_px, model.metadata.preprocessing.channels
    return partial(logits_of, model, np.random.default_rng(0).integers(0, 256, shape, np.uint8))


if __name__ == "__main__":
    main()
