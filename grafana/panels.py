"""Panels: each is one call that says what is shown, in which unit, and how wide."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import (
    barchart,
    bargauge,
    common,
    geomap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import geomap as geomap_options
from grafana_foundation_sdk.models.prometheus import PromQueryFormat, QueryEditorMode

from grafana.meanings import NEUTRAL, Colours, Steps, Words, coloured, mappings, thresholds

DATASOURCE: Final = options.DataSourceRef(type_val="prometheus", uid="${datasource}")
REF_IDS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NOTHING: Final = "–"  # noqa: RUF001 - a dash where a number would stand

Panel = Builder[model.Panel]
AnyPanel = TypeVar(
    "AnyPanel",
    barchart.Panel,
    bargauge.Panel,
    geomap.Panel,
    stat.Panel,
    statetimeline.Panel,
    table.Panel,
    timeseries.Panel,
)


@dataclass(frozen=True, slots=True)
class Query:
    """A query and the name of its series in the legend."""

    expr: str
    legend: str = ""
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: a label of the table's own query, or the value of a query of the column's own."""

    name: str
    label: str | None = None
    expr: str | None = None
    unit: str = "string"
    width: int | None = None
    steps: Steps = ()
    words: Words = ()
    colours: Colours = ()
    link: str | None = None
    decimals: int | None = None


def value(
    title: str,
    description: str,
    expr: str,
    unit: str,
    *,
    width: int = 4,
    height: int = 3,
    steps: Steps = NEUTRAL,
    words: Words = (),
    decimals: int | None = None,
    nothing: str = NOTHING,
) -> stat.Panel:
    """One number as it is now.

    The query is an instant one: the last value of a range would show a reading long after it had gone.
    """
    panel = _frame(stat.Panel(), title, description, unit, width, height)
    panel.with_target(_target("A", Query(expr), instant=True))
    panel.thresholds(thresholds(steps)).mappings(mappings(words)).no_value(nothing)
    panel.color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
    panel.graph_mode(options.BigValueGraphMode.NONE)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.text_mode(options.BigValueTextMode.VALUE)
    return panel if decimals is None else panel.decimals(decimals)


def trend(
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: str,
    *,
    width: int = 12,
    height: int = 8,
    least: float | None = None,
    most: float | None = None,
    soft_most: float | None = None,
    soft_least: float | None = None,
    lines: Steps = (),
    stacked: bool = False,
    legend: bool = True,
    decimals: int | None = None,
) -> timeseries.Panel:
    """Lines over time; `lines` draws limits across them."""
    panel = _frame(timeseries.Panel(), title, description, unit, width, height)
    _range_targets(panel, queries)
    panel.line_width(1).fill_opacity(25 if stacked else 8).show_points(options.VisibilityMode.NEVER)
    panel.legend(_legend(shown=legend)).tooltip(_tooltip())
    if lines:
        panel.thresholds(thresholds(lines))
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(options.GraphThresholdsStyleMode.DASHED))
    if stacked:
        panel.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL).group("A"))
    for limit, apply in (
        (least, panel.min),
        (most, panel.max),
        (soft_least, panel.axis_soft_min),
        (soft_most, panel.axis_soft_max),
        (decimals, panel.decimals),
    ):
        if limit is not None:
            apply(limit)
    return panel


def bars(
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: str,
    *,
    width: int = 12,
    height: int = 8,
    every: str | None = None,
    last: str | None = None,
    legend: bool = True,
    decimals: int | None = None,
) -> timeseries.Panel:
    """Stacked bars; each covers `every`, or more where the range is long; `last` is a range of the panel's own."""
    panel = _frame(timeseries.Panel(), title, description, unit, width, height)
    _range_targets(panel, queries)
    panel.draw_style(options.GraphDrawStyle.BARS).line_width(0).fill_opacity(80).min(0)
    panel.bar_alignment(options.BarAlignment.AFTER if every else options.BarAlignment.CENTER)
    panel.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL).group("A"))
    panel.legend(_legend(shown=legend)).tooltip(_tooltip())
    if every:
        panel.interval(every)
    if last:
        panel.time_from(last)
    return panel if decimals is None else panel.decimals(decimals)


def months(
    title: str, description: str, days: Query, unit: str, *, width: int = 24, height: int = 9, last: str
) -> barchart.Panel:
    """A bar a calendar month, added up from a value a day: PromQL has no months."""
    panel = _frame(barchart.Panel(), title, description, unit, width, height)
    _range_targets(panel, [days])
    panel.interval("1d").time_from(last).min(0)
    grouped = {
        "Time": {"operation": "groupby", "aggregations": []},
        days.legend: {"operation": "aggregate", "aggregations": ["sum"]},
    }
    panel.with_transformation(_transformation("formatTime", timeField="Time", outputFormat="YYYY-MM"))
    panel.with_transformation(_transformation("groupBy", fields=grouped))
    panel.color_scheme(build.FieldColor().mode(model.FieldColorModeId.FIXED).fixed_color(days.colour or "blue"))
    panel.show_value(options.VisibilityMode.ALWAYS).legend(_legend(shown=False))
    return panel.fill_opacity(80).decimals(1)


def timeline(
    title: str,
    description: str,
    queries: Sequence[tuple[Query, Words]],
    *,
    width: int = 24,
    height: int = 8,
    per_page: int | None = None,
) -> statetimeline.Panel:
    """States over time, a line a series; the words of a query are its states."""
    panel = _frame(statetimeline.Panel(), title, description, "none", width, height)
    _range_targets(panel, [query for query, _ in queries])
    panel.color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS)).thresholds(thresholds(NEUTRAL))
    if len(queries) == 1:
        panel.mappings(mappings(queries[0][1]))
    else:
        for ref_id, (_, words) in zip(REF_IDS, queries, strict=False):
            panel.override_by_query(ref_id, [model.DynamicConfigValue("mappings", mappings(words))])
    panel.show_value(options.VisibilityMode.NEVER).row_height(0.8).fill_opacity(75).line_width(0)
    panel.legend(_legend()).tooltip(_tooltip())
    return panel if per_page is None else panel.per_page(per_page)


def ranking(
    title: str,
    description: str,
    query: Query,
    unit: str,
    *,
    width: int = 8,
    height: int = 9,
    steps: Steps = NEUTRAL,
    least: float = 0.0,
    most: float | None = None,
    nothing: str = NOTHING,
    decimals: int | None = None,
) -> bargauge.Panel:
    """A bar a series, in the order in which the query sorts them."""
    panel = _frame(bargauge.Panel(), title, description, unit, width, height)
    panel.with_target(_target("A", query, instant=True)).no_value(nothing)
    panel.thresholds(thresholds(steps)).min(least)
    panel.color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
    panel.display_mode(options.BarGaugeDisplayMode.BASIC).orientation(options.VizOrientation.HORIZONTAL)
    panel.text(common.VizTextDisplayOptions().value_size(14).title_size(12))
    panel.name_placement(options.BarGaugeNamePlacement.LEFT).value_mode(options.BarGaugeValueMode.TEXT)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])).max_viz_height(26)
    if most is not None:
        panel.max(most)
    return panel if decimals is None else panel.decimals(decimals)


def rows(
    title: str,
    description: str,
    labels: str,
    columns: Sequence[Column],
    *,
    key: str | None = None,
    width: int = 24,
    height: int = 10,
    sort: str,
    descending: bool = False,
    nothing: str = NOTHING,
) -> table.Panel:
    """A table: a row for each series of `labels`, joined by the label `key` with the queries of the columns."""
    panel = _frame(table.Panel(), title, description, "string", width, height)
    _table_targets(panel, labels, columns, key)
    panel.cell_height(options.TableCellHeight.SM).no_value(nothing)
    return panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(descending)])


def places(
    title: str,
    description: str,
    labels: str,
    columns: Sequence[Column],
    *,
    key: str,
    latitude: str,
    longitude: str,
    colour: str,
    width: int = 24,
    height: int = 14,
) -> geomap.Panel:
    """Markers on a map, coloured by a column; the other columns are in the tooltip."""
    panel = _frame(geomap.Panel(), title, description, "none", width, height)
    _table_targets(panel, labels, columns, key)
    where = (
        common.FrameGeometrySource()
        .mode(options.FrameGeometrySourceMode.COORDS)
        .latitude(latitude)
        .longitude(longitude)
    )
    style = {"color": {"field": colour, "fixed": "blue"}, "size": {"fixed": 8}, "opacity": 0.8}
    markers = common.MapLayerOptions().type("markers").name("Chargers").location(where).tooltip(True)
    panel.layers([markers.config({"showLegend": False, "style": style})])
    panel.basemap(common.MapLayerOptions().type("default").name("Map"))
    panel.view(geomap.MapViewConfig().id("fit").all_layers(True).padding(10).max_zoom(14))
    panel.controls(geomap.ControlsOptions().show_zoom(True).mouse_wheel_zoom(False).show_attribution(True))
    return panel.tooltip(geomap.TooltipOptions().mode(geomap_options.TooltipMode.DETAILS))


def _frame(panel: AnyPanel, title: str, description: str, unit: str, width: int, height: int) -> AnyPanel:
    panel.title(title).description(description).unit(unit).span(width).height(height)
    return panel.datasource(DATASOURCE)


def _target(ref_id: str, query: Query, *, instant: bool = False) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(ref_id).datasource(DATASOURCE).expr(query.expr)
    target.legend_format(query.legend).editor_mode(QueryEditorMode.CODE)
    return target.instant() if instant else target.range()


def _range_targets(panel: AnyPanel, queries: Sequence[Query]) -> None:
    for ref_id, query in zip(REF_IDS, queries, strict=False):
        panel.with_target(_target(ref_id, query))
        if query.colour:
            fixed = {"mode": "fixed", "fixedColor": query.colour}
            panel.override_by_query(ref_id, [model.DynamicConfigValue("color", fixed)])


def _table_targets(panel: AnyPanel, labels: str, columns: Sequence[Column], key: str | None) -> None:
    """The queries of a table as one frame: joined by `key`, named, in order, the rest left out."""
    panel.with_target(_target("A", Query(labels), instant=True).format(PromQueryFormat.TABLE))
    ref_ids = iter(REF_IDS[1:])
    names: dict[str, str] = {}
    for column in columns:
        if column.expr is not None:
            ref_id = next(ref_ids)
            panel.with_target(_target(ref_id, Query(column.expr), instant=True).format(PromQueryFormat.TABLE))
            names[f"Value #{ref_id}"] = column.name
        elif column.label is not None:
            names[column.label] = column.name
        panel.override_by_name(column.name, _properties(column))
    if key is not None:
        panel.with_transformation(_transformation("joinByField", byField=key, mode="outer"))
    panel.with_transformation(_transformation("filterFieldsByName", include={"names": list(names)}))
    order = {source: index for index, source in enumerate(names)}
    panel.with_transformation(_transformation("organize", excludeByName={}, indexByName=order, renameByName=names))


def _transformation(kind: str, **settings: object) -> model.DataTransformerConfig:
    return model.DataTransformerConfig(kind, options=settings)


def _properties(column: Column) -> list[model.DynamicConfigValue]:
    """How a column looks."""
    properties: dict[str, object] = {"unit": column.unit}
    if column.steps:
        properties["thresholds"] = thresholds(column.steps).build()
        properties["custom.cellOptions"] = {"type": "color-text"}
    if column.words or column.colours:
        properties["mappings"] = mappings(column.words) + coloured(column.colours)
        properties["custom.cellOptions"] = {"type": "color-text"}
    if column.decimals is not None:
        properties["decimals"] = column.decimals
    if column.width is not None:
        properties["custom.width"] = column.width
    if column.link:
        properties["links"] = [{"title": "Show this charger", "url": column.link}]
    return [model.DynamicConfigValue(name, setting) for name, setting in properties.items()]


def _legend(*, shown: bool = True) -> common.VizLegendOptions:
    legend = common.VizLegendOptions().show_legend(shown).display_mode(options.LegendDisplayMode.LIST)
    return legend.placement(options.LegendPlacement.BOTTOM).calcs([])


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.DESCENDING)
