"""The options of `publish` for weights that people already have."""

import argparse
from pathlib import Path

from export.errors import UsageError
from export.training_options import WELL_KNOWN, network_option


def add_weights_options(stage: argparse.ArgumentParser) -> None:
    """Add the options that `bring_by` reads."""
    group = stage.add_argument_group("weights that you already have, instead of a run")
    group.add_argument(
        "--weights",
        metavar="FILE",
        help="a state_dict of torch (.pth, .pt) or a .safetensors file; 'default' downloads the well-known one",
    )
    group.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="names of the classes, one a line or a JSON list (default: ImageNet's; segmenters: Pascal VOC's)",
    )
    group.add_argument(
        "--preprocessing",
        type=Path,
        metavar="FILE",
        help="JSON with preprocessing, pixel_mean and pixel_std (default: the public file's)",
    )
    group.add_argument(
        "--option",
        type=network_option,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of the network that its weights do not tell, such as stem=small",
    )
    group.add_argument(
        "--data-dir", type=Path, help="downloads go there, into weights (default: CONVOY_DATA, else data)"
    )


def check_no_weights_options(options: argparse.Namespace) -> None:
    """Raises UsageError where an option was given that only goes with --weights."""
    given = {
        "--labels": options.labels,
        "--preprocessing": options.preprocessing,
        "--option": options.option,
        "--cam": options.cam != "own",
    }
    for name, value in given.items():
        if value:
            raise UsageError(f"{name} goes with --weights; what was trained here is known from its run.")


def bring_by(options: argparse.Namespace, name: str) -> None:
    """Publish the weights that the options name as the model `name`, and say what was done.

    Raises:
        StageError, UsageError: see `bring` and `default_file`.
    """
    from export.public_weights.bring import bring, prepare
    from export.public_weights.default_file import default_file
    from models import facts_of

    is_well_known = options.weights == WELL_KNOWN
    file = default_file(options.model, options.data_dir) if is_well_known else Path(options.weights)
    choices = {
        "labels_file": options.labels,
        "input_file": options.preprocessing,
        "options": dict(options.option),
        "cam": options.cam,
    }
    if options.convolutional:
        if options.cam != "own":
            raise UsageError("--cam goes with a map, and --convolutional has none.")
        from export.classification.score_maps import publish_score_maps
        from export.serving_graph import ServingGraph

        prepared = prepare(options.model, file, **choices)
        if not isinstance(prepared.graph, ServingGraph):
            raise UsageError(f"{options.model} is no classifier.")
        publish_score_maps(prepared.graph, prepared.blueprint, prepared.metadata, options.repository, name=name)
        return
    brought = bring(options.model, file, options.repository, name=name, **choices)
    worst = max(brought.verification.relative_errors().values())
    score = "accuracy" if facts_of(options.model).task == "image-classification" else "mean IoU"
    publication = brought.publication
    print(
        f"{'Published' if publication.is_new else 'Already published:'} {publication.path}: largest difference from "
        f"torch {worst:.1e} of the largest value; {score} not measured."
    )
