"""`python -m models` lists the networks; `python -m models NAME` prints the table of one network's layers."""

import argparse
import re
from collections.abc import Sequence
from typing import get_args

import torch

from models import MODELS, build_model, facts_of
from models.facts import Stem
from models.layer_table import columns, layer_table, parameter_count, render


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; leaves by SystemExit, with one sentence, when an argument is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m models", description="List the networks, or the layers of one of them."
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help=f"one of {', '.join(MODELS)}")
    parser.add_argument("--num-classes", type=int, metavar="N", help="default: as in the paper")
    parser.add_argument("--in-channels", type=int, metavar="C", help="default: as in the paper")
    parser.add_argument("--input", type=_size_px, metavar="HxW", help="pixels; default: as in the paper")
    parser.add_argument(
        "--stem",
        choices=get_args(Stem),
        help="small: first layers for pictures of about 32 pixels; default: the paper's",
    )
    options = parser.parse_args(arguments)
    try:
        print(_listing() if options.name is None else _layers(options))
    except ValueError as error:
        parser.error(str(error))


def _listing() -> str:
    lines = [("name", "year", "input", "parameters", "paper")]
    for name, facts in MODELS.items():
        with torch.device("meta"):
            model = build_model(name, num_classes=facts.num_classes, in_channels=facts.in_channels)
        shape = "x".join(map(str, (facts.in_channels, *facts.input_px)))
        lines.append((name, str(facts.year), shape, f"{parameter_count(model):,}", facts.paper))
    return columns(lines, right_aligned={3})


def _layers(options: argparse.Namespace) -> str:
    facts = facts_of(options.name)
    channels = facts.in_channels if options.in_channels is None else options.in_channels
    classes = facts.num_classes if options.num_classes is None else options.num_classes
    height, width = options.input or facts.input_px
    stem = {} if options.stem is None else {"stem": options.stem}
    with torch.device("meta"):
        model = build_model(options.name, num_classes=classes, in_channels=channels, **stem)
    try:
        table = layer_table(model, in_channels=channels, input_px=(height, width))
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{options.name} cannot take pictures of {height}x{width} pixels: {reason}") from error
    title = f"{options.name}: {facts.paper}, {facts.year}; input {channels}x{height}x{width}, {classes} classes"
    return f"{title}\n\n{render(table)}"


def _size_px(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a height and a width such as 32x32")
    return int(match[1]), int(match[2])


if __name__ == "__main__":
    main()
