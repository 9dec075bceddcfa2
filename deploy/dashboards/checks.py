"""What must hold of every dashboard before it is written: its queries name series and labels that exist."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.dashboards.promql import names

_VALUES_OF = re.compile(r"label_values\((?P<series>.+), (?P<label>\w+)\)")
_LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True)
class Question:
    """A query of a dashboard."""

    place: str
    expression: str
    labels: frozenset[str] = frozenset()
    """Labels that its results must have: a legend, a column or the values of a variable shows them."""
    instant: bool = False
    """Asked for the end of the time range alone."""
    values_of: str | None = None
    """The label whose values a variable asks for."""


def questions(dashboard: Mapping[str, Any]) -> Iterator[Question]:
    """Every query of a dashboard as JSON: of panels, of variables and of annotations."""
    title = dashboard["title"]
    for panel in dashboard["panels"]:
        columns = _columns(panel)
        for target in panel.get("targets", ()):
            shown = columns.union(_LEGEND.findall(target.get("legendFormat", "")))
            yield Question(f"{title}, panel {panel['title']}", target["expr"], shown, target["instant"])
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            match = _VALUES_OF.fullmatch(variable["query"]["query"])
            if match is None:
                raise ValueError(f"{title}, variable {variable['name']}: it has to be label_values(series, label)")
            label = match["label"]
            place = f"{title}, variable {variable['name']}"
            yield Question(place, match["series"], frozenset({label}), values_of=label)
    for annotation in dashboard["annotations"]["list"]:
        legend = frozenset(_LEGEND.findall(annotation["titleFormat"]))
        yield Question(f"{title}, annotation {annotation['name']}", annotation["expr"], legend)


def _columns(panel: Mapping[str, Any]) -> frozenset[str]:
    """Labels that a table or a bar chart has as columns."""
    return frozenset(
        name
        for step in panel.get("transformations", ())
        if step["id"] == "organize"
        for name in step["options"]["indexByName"]
        if not name.startswith("Value")
    )


def complaints(question: Question, known: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """One sentence for each series, filter, grouping or legend of a query that nothing defines."""
    named = names(question.expression)
    if not named.matched:
        yield f"{question.place}: the query names no series."
    labels = set(named.made)
    for series, filters in named.matched.items():
        own = known.get(series)
        if own is None:
            yield f"{question.place}: neither the service nor a recording rule defines {series}."
            continue
        labels |= own
        for label in sorted(filters - own):
            yield f"{question.place}: {series} has no label {label}."
    if named.matched.keys() <= known.keys():
        for label in sorted((named.grouped | question.labels) - labels):
            yield f"{question.place}: no series of the query has the label {label}."


def panel_complaints(dashboard: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each panel without a description or a unit, or that shares its id."""
    seen: dict[int, str] = {}
    for panel in dashboard["panels"]:
        place = f"{dashboard['title']}, panel {panel['title']}"
        if panel["id"] in seen:
            yield f"{place}: it has the id of {seen[panel['id']]}; another title gives another."
        seen[panel["id"]] = panel["title"]
        if panel["type"] in ("row", "text"):
            continue
        if not panel.get("description"):
            yield f"{place}: it has no description."
        if "unit" not in panel["fieldConfig"]["defaults"]:
            yield f"{place}: it has no unit."
