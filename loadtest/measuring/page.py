"""The page about a load test: the knee in one sentence, the plots, and the table behind them."""

import html
from collections.abc import Sequence
from pathlib import Path

from loadtest.measuring.plots import draw_steps
from loadtest.measuring.steps import Step, write_steps
from loadtest.results.knee import DEFINITION, Knee
from loadtest.results.objectives import Objective
from loadtest.results.tables import markdown

_HEADER = (
    "offered/s", "goodput/s", "p50 ms", "p95 ms", "p99 ms", "longest ms", "refused", "failed", "CPU cores", "MiB",
    "generator CPU", "sent on time", "objectives",
)  # fmt: skip
_STYLE = "body{font:16px/1.5 sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem} img{max-width:100%}"
_TABLE_STYLE = (
    "table{border-collapse:collapse} td,th{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #ddd}"
)


def step_table(steps: Sequence[Step]) -> str:
    """The steps as a table in Markdown, ascending by offered rate."""
    return markdown(_HEADER, _rows_of(steps))


def _rows_of(steps: Sequence[Step]) -> list[list[str]]:
    rows = []
    for step in sorted(steps, key=lambda each: each.summary.offered):
        summary = step.summary
        judgement = "met" if not step.point.missed else "missed"
        rows.append(
            [
                f"{summary.offered:.1f}",
                f"{summary.goodput:.1f}",
                *(f"{ms:.1f}" for ms in (summary.p50_ms, summary.p95_ms, summary.p99_ms, summary.longest_ms)),
                f"{summary.refused_share:.1%}",
                f"{summary.failed_share:.1%}",
                f"{step.cpu_share:.2f}",
                f"{step.memory_mib:.0f}",
                f"{step.generator_cpu_share:.0%}",
                f"{summary.on_time_share:.1%}",
                judgement if summary.valid else "invalid",
            ]
        )
    return rows


def write_page(
    steps: Sequence[Step], knee: Knee, objectives: Sequence[Objective], folder: Path, *, title: str, setting: str
) -> Path:
    """Write index.html, load.png and steps.csv.

    Args:
        steps: What was measured.
        knee: Of these steps.
        objectives: By which the knee was found.
        folder: Where to.
        title: What was loaded.
        setting: One sentence on how, and on what machine.

    Returns:
        The page.
    """
    draw_steps(steps, knee, objectives, folder / "load.png", title=title)
    write_steps(steps, folder / "steps.csv")
    page = folder / "index.html"
    limits: dict[str, list[str]] = {each.endpoint: [] for each in objectives}
    for each in objectives:
        shown = f"p{each.percent:g} {each.limit:g} ms" if each.percent is not None else f"errors {each.limit:.1%}"
        limits[each.endpoint].append(shown)
    promised = "; ".join(f"{endpoint}: {', '.join(shown)}" for endpoint, shown in limits.items())
    head = (
        f"<!doctype html><meta charset=utf-8><title>{html.escape(title)}</title><style>{_STYLE}{_TABLE_STYLE}</style>"
    )
    paragraphs = [f"<strong>{html.escape(str(knee))}</strong>", DEFINITION, html.escape(setting)]
    paragraphs += [
        f"Objectives: {html.escape(promised)}. Latency counts from the moment a request was due. A step is "
        "invalid where less than 95 % of its requests were sent within 50 ms of that moment; its marks are hollow.",
    ]
    table = [_HEADER, *_rows_of(steps)]
    cells = "".join("<tr>" + "".join(f"<td>{html.escape(text)}" for text in row) for row in table)
    body = "".join(f"<p>{paragraph}" for paragraph in paragraphs)
    links = (
        '<p><a href="steps.csv">steps.csv</a>; each folder here holds a step as Locust saw it, and all its requests.'
    )
    page.write_text(
        f'{head}<h1>{html.escape(title)}</h1>{body}<p><img src="load.png" alt="Six charts over the offered rate">'
        f"<table>{cells}</table>{links}\n"
    )
    return page
