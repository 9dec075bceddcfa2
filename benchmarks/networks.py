"""The arguments of the benchmarks that go over networks: which ones, and how the table is printed."""

import argparse

from models import MODELS, facts_of


def network_parser(prog: str, description: str | None) -> argparse.ArgumentParser:
    """A parser with `names`, all classifiers where none is given, and `--markdown`."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    classifiers = [name for name, facts in MODELS.items() if facts.task == "image-classification"]
    parser.add_argument(
        "names", nargs="*", metavar="NAME", type=_name, default=classifiers, help="networks (default: all)"
    )
    parser.add_argument("--markdown", action="store_true", help="print tables in Markdown")
    return parser


def _name(text: str) -> str:
    try:
        facts_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
