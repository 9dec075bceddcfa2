"""The page about a load test: the knee in one sentence, the plots, and the tables behind them."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

from loadtest.measuring.plots import draw_steps
from loadtest.measuring.search import Tried, knee_of
from loadtest.measuring.setting import setting_lines
from loadtest.measuring.steps import Step, figures_of, write_steps
from loadtest.results.knee import DEFINITION
from loadtest.results.objectives import Objective
from loadtest.results.run_report import ANSWERS_HEADER, GENERATOR_HEADER, answers_cells, endpoint_rows, generator_cells
from loadtest.results.summary import Summary
from loadtest.results.tables import markdown, number, rounded, write_figures

_HEADER = (
    "rate/s", "offered/s", "goodput/s", *ANSWERS_HEADER, "CPU cores", "MiB", *GENERATOR_HEADER, "objectives",
)  # fmt: skip
_ENDPOINT_HEADER = ("rate/s", "endpoint", "requests", *ANSWERS_HEADER)
_STYLE = "body{font:16px/1.5 sans-serif;max-width:90rem;margin:2rem auto;padding:0 1rem} img{max-width:100%}"
_TABLE_STYLE = (
    "table{border-collapse:collapse;margin:1rem 0;font-size:.85rem} "
    "td,th{padding:.2rem .5rem;text-align:right;border-bottom:1px solid #ddd}"
)


def step_table(steps: Sequence[Step]) -> str:
    """The steps as a table in Markdown, ascending by rate."""
    return markdown(_HEADER, _rows_of(steps))


def write_page(
    tried: Sequence[Tried], objectives: Sequence[Objective], folder: Path, *, title: str, setting: Mapping[str, str]
) -> Path:
    """Write index.html, load.png, report.md, steps.csv and result.json.

    Args:
        tried: What was measured.
        objectives: By which the knee is found.
        folder: Where to.
        title: What was loaded.
        setting: How, and on what machine, by name.

    Returns:
        The page.
    """
    steps = sorted((step for each in tried for step in each.steps), key=lambda each: each.rate)
    knee = knee_of(tried)
    write_steps(steps, folder / "steps.csv")
    promised = f"Objectives: {_promised(objectives)}."
    lines = [f"## {title}", "", f"**{knee}** {DEFINITION}", "", *setting_lines(setting), "", promised, ""]
    tables = [(_HEADER, _rows_of(steps)), (_ENDPOINT_HEADER, endpoint_rows(_named(steps)))]
    lines += [text for header, rows in tables if rows for text in (markdown(header, rows), "")]
    (folder / "report.md").write_text("\n".join(lines))
    figures = {"knee": knee.rate, "sentence": str(knee), "setting": setting, "steps": [*map(figures_of, steps)]}
    write_figures(figures, folder / "result.json")
    head = (
        f"<!doctype html><meta charset=utf-8><title>{html.escape(title)}</title><style>{_STYLE}{_TABLE_STYLE}</style>"
    )
    paragraphs = [f"<strong>{html.escape(str(knee))}</strong>", DEFINITION]
    paragraphs += ["<br>".join(html.escape(f"{name}: {text}") for name, text in setting.items())]
    paragraphs += [
        f"{html.escape(promised)} Latency counts from the moment a request was due. A step that misses an objective is "
        "measured again, and two of three decide. One that did not keep the offered rate is invalid; its marks are "
        "hollow, and it is measured again too.",
    ]
    page = folder / "index.html"
    page.write_text(
        f"{head}<h1>{html.escape(title)}</h1>{''.join(f'<p>{paragraph}' for paragraph in paragraphs)}"
        '<p><img src="load.png" alt="Six charts over the offered rate">'
        f"{''.join(_html_table(header, rows) for header, rows in tables if rows)}"
        '<p><a href="steps.csv">steps.csv</a>; each folder in steps holds a step as Locust saw it, and all its '
        "requests.\n"
    )
    draw_steps([each.step for each in tried], knee, objectives, folder / "load.png", title=title)
    return page


def _named(steps: Sequence[Step]) -> list[tuple[str, Summary]]:
    return [(rounded(step.rate), step.summary) for step in steps]


def _rows_of(steps: Sequence[Step]) -> list[list[str]]:
    return [
        [
            rounded(step.rate),
            number(step.summary.offered, ".1f"),
            number(step.summary.goodput, ".1f"),
            *answers_cells(step.summary.answers),
            f"{step.cpu_share:.2f}",
            f"{step.memory_mib:.0f}",
            *generator_cells(step.summary, step.generator_cpu_share),
            step.judgement,
        ]
        for step in sorted(steps, key=lambda each: each.rate)
    ]


def _promised(objectives: Sequence[Objective]) -> str:
    limits: dict[str, list[str]] = {each.endpoint: [] for each in objectives}
    for each in objectives:
        shown = f"{each.name} {each.limit:g} ms" if each.percent is not None else f"errors {each.limit:.1%}"
        limits[each.endpoint].append(shown)
    return "; ".join(f"{endpoint}: {', '.join(shown)}" for endpoint, shown in limits.items())


def _html_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join("<tr>" + "".join(f"<td>{html.escape(text)}" for text in row) for row in [header, *rows])
    return f"<table>{cells}</table>"
