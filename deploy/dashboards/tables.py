"""Panels of rows: tables, bars beside bars, and gauges, for the end of the time range."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import barchart, bargauge, table
from grafana_foundation_sdk.builders import common as options
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.dashboards.panels import Facts, Query, Steps, describe, fixed, thresholds


def rows(
    facts: Facts,
    columns: Mapping[str, Query],
    labels: Mapping[str, str],
    *,
    units: Mapping[str, str] | None = None,
    link: tuple[str, str] | None = None,
) -> table.Panel:
    """One row per set of labels: `labels` with their headings, then a column per query under its heading.

    `link` is the heading of the column that leads elsewhere, and the address with Grafana's variables.
    """
    panel = describe(table.Panel(), facts, list(columns.values()), form=PromQueryFormat.TABLE, instant=True)
    _merge(panel, list(columns), labels)
    panel.filterable(True)
    for heading, unit in (units or {}).items():
        panel.override_by_name(heading, [dashboard.DynamicConfigValue(id_val="unit", value=unit)])
    if link is not None:
        heading, address = link
        target = {"title": "More of this version", "url": address}
        panel.override_by_name(heading, [dashboard.DynamicConfigValue(id_val="links", value=[target])])
    return panel


def bars(facts: Facts, series: Mapping[str, Query], x: str, *, colours: Mapping[str, str]) -> barchart.Panel:
    """Groups of bars side by side: one group per value of the label `x`, one bar per query under its name."""
    panel = describe(barchart.Panel(), facts, list(series.values()), form=PromQueryFormat.TABLE, instant=True)
    _merge(panel, list(series), {x: x})
    panel.with_transformation(
        dashboard.DataTransformerConfig(id_val="sortBy", options={"fields": {}, "sort": [{"field": x}]})
    )
    panel.x_field(x).show_value(common.VisibilityMode.NEVER).x_tick_label_spacing(40).fill_opacity(80).line_width(0)
    panel.legend(options.VizLegendOptions().show_legend(True).display_mode(common.LegendDisplayMode.LIST))
    panel.tooltip(options.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
    for name, colour in colours.items():
        panel.override_by_name(name, [fixed(colour)])
    return panel


def gauges(facts: Facts, query: Query, *, steps: Steps) -> bargauge.Panel:
    """A horizontal bar per series, coloured by its value."""
    panel = describe(bargauge.Panel(), facts, [query], form=PromQueryFormat.TIME_SERIES, instant=True)
    panel.thresholds(thresholds(steps)).orientation(common.VizOrientation.HORIZONTAL)
    panel.color_scheme(build.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
    panel.display_mode(common.BarGaugeDisplayMode.BASIC).value_mode(common.BarGaugeValueMode.TEXT)
    return panel.reduce_options(options.ReduceDataOptions().calcs(["last"]))


def _merge(panel: table.Panel | barchart.Panel, headings: Sequence[str], labels: Mapping[str, str]) -> None:
    """One table of what the queries give, with the columns of `labels` and then of `headings`, and no others."""
    values = ["Value"] if len(headings) == 1 else [f"Value #{chr(ord('A') + place)}" for place in range(len(headings))]
    kept = [*labels, *values]
    panel.with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
    panel.with_transformation(
        dashboard.DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": kept}})
    )
    panel.with_transformation(
        dashboard.DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": {},
                "indexByName": {name: place for place, name in enumerate(kept)},
                "renameByName": {**labels, **dict(zip(values, headings, strict=True))},
            },
        )
    )
