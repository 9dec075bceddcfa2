"""Tables as docs/results.md holds them."""

from collections.abc import Iterable, Sequence


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table in Markdown."""
    for row in (header, ("---",) * len(header), *rows):
        print(f"| {' | '.join(row)} |")
