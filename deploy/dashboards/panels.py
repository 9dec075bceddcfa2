"""Panels of numbers over time, of single numbers and of buckets; tables.py has those of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from grafana_foundation_sdk.builders import (
    barchart,
    bargauge,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders import common as options
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import (
    heatmap as heatmaps,
)
from grafana_foundation_sdk.builders import (
    text as texts,
)
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode, HeatmapColorScale
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

SOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
NOTHING = "no traffic"
# What is counted within a step takes some scrapes of 10 s to be counted right.
_COUNTED_STEP = "1m"

AnyPanel = TypeVar(
    "AnyPanel",
    barchart.Panel,
    bargauge.Panel,
    heatmaps.Panel,
    stat.Panel,
    statetimeline.Panel,
    table.Panel,
    timeseries.Panel,
)
Steps = Sequence[tuple[float | None, str]]
"""Thresholds: the value from which a colour holds, None for the first."""


@dataclass(frozen=True)
class Query:
    """A PromQL expression, and what its series are called: text with labels as {{label}}."""

    expression: str
    legend: str = ""


@dataclass(frozen=True)
class Facts:
    """What every panel says of itself."""

    title: str
    about: str
    """A sentence or two that name the metric."""
    unit: str
    """Grafana's id of the unit, such as s, bytes, percentunit (0 to 1) or reqps."""
    width: int = 8
    """Columns of 24."""
    height: int = 8
    """Rows of about 30 px."""
    least: float | None = 0
    most: float | None = None
    empty: str = NOTHING
    """What stands there while there is nothing to show."""


def describe(
    panel: AnyPanel,
    facts: Facts,
    queries: Sequence[Query],
    *,
    form: PromQueryFormat,
    instant: bool = False,
    least_step: str | None = None,
) -> AnyPanel:
    """Give a panel its facts and its queries, named A, B, ... in order, with points no closer than `least_step`."""
    panel.title(facts.title).description(facts.about).datasource(SOURCE)
    panel.unit(facts.unit).span(facts.width).height(facts.height)
    panel.no_value(facts.empty).mappings([_nothing(facts.empty)])
    if facts.least is not None:
        panel.min(facts.least)
    if facts.most is not None:
        panel.max(facts.most)
    for number, query in enumerate(queries):
        target = prometheus.Dataquery().expr(query.expression).legend_format(query.legend).format(form)
        target.ref_id(chr(ord("A") + number)).datasource(SOURCE)
        if least_step is not None:
            target.interval(least_step)
        panel.with_target(target.instant() if instant else target.range())
    return panel


def lines(
    facts: Facts,
    *queries: Query,
    colours: Mapping[str, str] | None = None,
    stacked: bool = False,
    logarithmic: bool = False,
    steps: Steps | None = None,
) -> timeseries.Panel:
    """Values over time; `steps` are drawn as dashed lines."""
    panel = describe(timeseries.Panel(), facts, queries, form=PromQueryFormat.TIME_SERIES)
    panel.color_scheme(build.FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    panel.line_width(1).fill_opacity(60 if stacked else 8).show_points(common.VisibilityMode.NEVER)
    panel.tooltip(options.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    legend = options.VizLegendOptions().display_mode(common.LegendDisplayMode.TABLE).show_legend(True)
    panel.legend(legend.placement(common.LegendPlacement.BOTTOM).calcs(["lastNotNull", "max"]))
    if stacked:
        panel.stacking(options.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    if logarithmic:
        panel.scale_distribution(options.ScaleDistributionConfig().type(common.ScaleDistribution.LOG).log(10))
    if steps is not None:
        panel.thresholds(thresholds(steps))
        panel.thresholds_style(options.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED))
    for name, colour in (colours or {}).items():
        panel.override_by_name(name, [fixed(colour)])
    return panel


def number(facts: Facts, query: Query, *, steps: Steps, decimals: int | None = None) -> stat.Panel:
    """The value at the end of the time range, large, on a background whose colour says whether it is good.

    Asked for that moment alone: the latest of many would go on showing what was, after the service has gone.
    """
    panel = describe(stat.Panel(), facts, [query], form=PromQueryFormat.TIME_SERIES, instant=True)
    panel.thresholds(thresholds(steps)).color_mode(common.BigValueColorMode.BACKGROUND)
    panel.color_scheme(build.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
    panel.graph_mode(common.BigValueGraphMode.NONE).text_mode(common.BigValueTextMode.VALUE)
    panel.reduce_options(options.ReduceDataOptions().calcs(["last"]))
    if decimals is not None:
        panel.decimals(decimals)
    return panel


def heatmap(facts: Facts, query: Query) -> heatmaps.Panel:
    """Counts per bucket over time; the buckets are cumulative, and the legend is their upper edge."""
    panel = describe(heatmaps.Panel(), facts, [query], form=PromQueryFormat.HEATMAP, least_step=_COUNTED_STEP)
    panel.calculate(False).cell_gap(1).show_value(common.VisibilityMode.NEVER).hide_legend()
    colour = heatmaps.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Blues").steps(64)
    panel.color(colour.scale(HeatmapColorScale.EXPONENTIAL).exponent(0.5).reverse(False))
    panel.y_axis(heatmaps.YAxisConfig().unit(facts.unit).axis_placement(common.AxisPlacement.LEFT))
    return panel.filter_values(heatmaps.FilterValueRange().le(1e-9)).mode(common.TooltipDisplayMode.SINGLE)


def states(facts: Facts, query: Query, texts_of: Mapping[str, tuple[str, str]]) -> statetimeline.Panel:
    """A bar per series, whose colour and text (`texts_of`: by value) follow its value over time."""
    panel = describe(statetimeline.Panel(), facts, [query], form=PromQueryFormat.TIME_SERIES)
    results = {
        value: dashboard.ValueMappingResult(text=text, color=colour, index=place)
        for place, (value, (text, colour)) in enumerate(texts_of.items())
    }
    panel.mappings([dashboard.ValueMap(options=results)]).merge_values(True).row_height(0.8)
    panel.show_value(common.VisibilityMode.AUTO).fill_opacity(70)
    panel.legend(options.VizLegendOptions().show_legend(False).display_mode(common.LegendDisplayMode.LIST))
    return panel


def note(title: str, content: str, *, width: int = 24, height: int = 3) -> texts.Panel:
    """A few sentences in Markdown."""
    return texts.Panel().title(title).mode(TextMode.MARKDOWN).content(content).span(width).height(height)


def thresholds(steps: Steps) -> build.ThresholdsConfig:
    """Colours by value."""
    levels = [dashboard.Threshold(value=value, color=colour) for value, colour in steps]
    return build.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(levels)


def fixed(colour: str) -> dashboard.DynamicConfigValue:
    """An override that gives a series its colour."""
    return dashboard.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})


def _nothing(text: str) -> dashboard.SpecialValueMap:
    result = dashboard.ValueMappingResult(text=text, index=0)
    return dashboard.SpecialValueMap(
        options=dashboard.DashboardSpecialValueMapOptions(match=dashboard.SpecialValueMatch.NULL_AND_NAN, result=result)
    )
