"""Tables, and the map, which is a table with two columns of degrees."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, geomap, table
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import geomap as geomap_options
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.frames import NOTHING, REF_IDS, AnyPanel, Query, framed, target, transformation
from grafana.meanings import WEEKDAYS, Colours, Steps, Words, coloured, mappings, thresholds


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: a label of the table's query, or the value of the column's own query."""

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
    panel = framed(table.Panel(), title, description, "string", width, height)
    _add_columns(panel, labels, columns, key)
    panel.cell_height(options.TableCellHeight.SM).no_value(nothing)
    return panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(descending)])


def week(title: str, description: str, query: str, *, width: int = 24, height: int = 10) -> table.Panel:
    """A heatmap: a row for each weekday, a column for each hour; `query` has the labels `weekday` and `hour`."""
    panel = framed(table.Panel(), title, description, "percentunit", width, height)
    panel.with_target(target("A", Query(query), instant=True).format(PromQueryFormat.TABLE))
    panel.with_transformation(transformation("sortBy", fields={}, sort=[{"field": "hour", "desc": False}]))
    panel.with_transformation(
        transformation(
            "groupingToMatrix", columnField="hour", rowField="weekday", valueField="Value", emptyValue="null"
        )
    )
    panel.with_transformation(transformation("sortBy", fields={}, sort=[{"field": "weekday\\hour", "desc": False}]))
    panel.decimals(0).min(0).color_scheme(build.FieldColor().mode(model.FieldColorModeId.CONTINUOUS_GR_YL_RD))
    panel.override_by_name(
        "weekday\\hour",
        [
            model.DynamicConfigValue("displayName", "Day"),
            model.DynamicConfigValue("mappings", mappings(WEEKDAYS)),
            model.DynamicConfigValue("custom.width", 50),
            model.DynamicConfigValue("unit", "string"),
        ],
    )
    panel.override_by_regexp(
        "[0-9]+",
        [
            model.DynamicConfigValue("custom.cellOptions", {"type": "color-background", "mode": "basic"}),
            model.DynamicConfigValue("custom.width", 33),
        ],
    )
    return panel.cell_height(options.TableCellHeight.SM).no_value(NOTHING)


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
    panel = framed(geomap.Panel(), title, description, "none", width, height)
    _add_columns(panel, labels, columns, key)
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


def _add_columns(panel: AnyPanel, labels: str, columns: Sequence[Column], key: str | None) -> None:
    """Join the queries of a table by `key`; name, order and filter the columns."""
    panel.with_target(target("A", Query(labels), instant=True).format(PromQueryFormat.TABLE))
    ref_ids = iter(REF_IDS[1:])
    names: dict[str, str] = {}
    for column in columns:
        if column.expr is not None:
            ref_id = next(ref_ids)
            panel.with_target(target(ref_id, Query(column.expr), instant=True).format(PromQueryFormat.TABLE))
            names[f"Value #{ref_id}"] = column.name
        elif column.label is not None:
            names[column.label] = column.name
        panel.override_by_name(column.name, _properties(column))
    if key is not None:
        panel.with_transformation(transformation("joinByField", byField=key, mode="outer"))
    panel.with_transformation(transformation("filterFieldsByName", include={"names": list(names)}))
    order = {source: index for index, source in enumerate(names)}
    panel.with_transformation(transformation("organize", excludeByName={}, indexByName=order, renameByName=names))


def _properties(column: Column) -> list[model.DynamicConfigValue]:
    """How a column looks."""
    properties: dict[str, object] = {"unit": column.unit}
    if column.label is not None and column.width is None:
        properties["custom.cellOptions"] = {"type": "auto", "wrapText": True}
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
