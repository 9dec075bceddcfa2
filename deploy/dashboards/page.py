"""What all dashboards share: filters at the top, links between them, marks over time, and where panels stand."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from deploy.dashboards.colours import BLUE, RED
from deploy.dashboards.panels import SOURCE
from deploy.dashboards.queries import MODEL, SERVICE

TAG = "convoy"
SOURCE_UID = "prometheus"

AnyPanelBuilder: TypeAlias = Builder[dashboard.Panel]


@dataclass(frozen=True)
class Row:
    """Panels under a heading, from left to right and line by line."""

    title: str
    panels: Sequence[AnyPanelBuilder]
    repeat: str | None = None
    """A variable, for each of whose values the row is repeated."""


@dataclass(frozen=True)
class Page:
    """A dashboard; its `uid` is in addresses that people keep, and never changes."""

    uid: str
    title: str
    about: str
    rows: Sequence[Row]

    def as_json(self) -> dict[str, Any]:
        """The dashboard as Grafana reads it from a file."""
        page = build.Dashboard(self.title).uid(self.uid).description(self.about).tags([TAG])
        page.timezone("browser").refresh("10s").time("now-1h", "now").editable()
        page.tooltip(dashboard.DashboardCursorSync.CROSSHAIR).variables(_variables()).link(_links())
        for row in self.rows:
            page.with_row(_heading(row))
            for panel in row.panels:
                page.with_panel(panel)
        built = page.build()
        for panel_or_row in built.panels or []:
            panel_or_row.id_val = _panel_id(f"{panel_or_row.type_val} {panel_or_row.title}")
        for variable in built.templating.list_val or []:
            # Of interval variables only, and not in Grafana's schema of the others.
            variable.auto = variable.auto_min = variable.auto_count = None
        built.annotations = dashboard.AnnotationContainer(list_val=_annotations())
        content: dict[str, Any] = json.loads(json.dumps(built, cls=JSONEncoder))
        return content


def _heading(row: Row) -> build.Row:
    heading = build.Row(row.title)
    return heading.repeat(row.repeat) if row.repeat else heading


def _panel_id(name: str) -> int:
    """From its kind and title, so that links to a panel outlive a new panel before it."""
    return zlib.crc32(name.encode()) % 1_000_000


def _links() -> build.DashboardLink:
    """The other dashboards, with the same filters and the same time range."""
    links = build.DashboardLink("Convoy").type(dashboard.DashboardLinkType.DASHBOARDS).tags([TAG])
    return links.include_vars(True).keep_time(True).icon("external link")


def _variables() -> list[Builder[dashboard.VariableModel]]:
    current = dashboard.VariableOption(selected=True, text="Prometheus", value=SOURCE_UID)
    source = build.DatasourceVariable("datasource").label("Data source").type("prometheus").current(current)
    return [
        source,
        _values("job", "Job", "convoy_build_info"),
        _values("instance", "Replica", 'convoy_build_info{job=~"$job"}'),
        _values("model", "Model", f"convoy_model_loaded{{{SERVICE}}}"),
        _values("version", "Version", f'convoy_model_loaded{{{SERVICE}, model=~"$model"}}'),
    ]


def _values(name: str, label: str, series: str) -> build.QueryVariable:
    """The values of a label; all of them unless some are chosen."""
    query: dict[str, object] = {"qryType": 1, "query": f"label_values({series}, {name})", "refId": name}
    variable = build.QueryVariable(name).label(label).datasource(SOURCE).query(query)
    variable.refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(dashboard.VariableSort.NATURAL_ASC)
    variable.multi(True).include_all(True).all_value(".*")
    return variable.current(dashboard.VariableOption(selected=True, text=["All"], value=["$__all"]))


class _Mark(dashboard.AnnotationQuery):
    """An annotation from Prometheus; the library leaves out the fields that are Prometheus's own."""

    def __init__(self, name: str, colour: str, expression: str, title: str, *, value_is_time: bool = False) -> None:
        super().__init__(name=name, datasource=SOURCE, icon_color=colour, hide=False, expr=expression)
        self.title_format = title
        self.value_is_time = value_is_time

    def to_json(self) -> dict[str, object]:
        own = {"titleFormat": self.title_format, "useValueForTime": "on" if self.value_is_time else False}
        return {**super().to_json(), **own}


def _annotations() -> list[dashboard.AnnotationQuery]:
    loaded = f"max by (model, version) (convoy_model_last_load_timestamp_seconds{{{MODEL}}}) * 1000"
    return [
        _Mark("Alerts", RED, 'ALERTS{alertstate="firing"}', "{{alertname}}"),
        _Mark("Models loaded", BLUE, loaded, "{{model}} {{version}} loaded", value_is_time=True),
    ]
