"""Tables in Markdown, and files of figures."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ("---",) * len(header), *rows))


def number(value: float, form: str) -> str:
    """A number in a format as `f"{value:.1f}"` has it; a dash where nothing was measured (NaN)."""
    return "-" if math.isnan(value) else format(value, form)


def rounded(rate: float) -> str:
    """A rate, as exactly as anybody wants to know it."""
    return f"{rate:.4g}" if rate < 1000 else f"{rate:.0f}"


def write_figures(figures: Mapping[str, Any], path: Path) -> None:
    """Write a file of JSON; null stands for what was not measured (NaN) or has no bound (infinity)."""
    path.write_text(json.dumps(_plain(figures), indent=1, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
