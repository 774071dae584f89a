"""Charts: one function per kind of chart."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import barchart, bargauge, common, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model

from grafana.frames import NOTHING, REF_IDS, Query, add_range_targets, framed, legend, target, tooltip, transformation
from grafana.meanings import NEUTRAL, Steps, Words, mappings, thresholds

# Without a limit, Grafana requests one bar per pixel.
MOST_BARS = 100
# Ten bars with their names. A name beside its bar would be cut off at 900 pixels.
RANKING_HEIGHT = 13
BAR_PIXELS = 32


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
    shown: str | None = None,
) -> stat.Panel:
    """One current number, or the label `shown` of its series instead.

    It is an instant query: the last value of a range would show a reading long after it became stale.
    """
    panel = framed(stat.Panel(), title, description, unit, width, height)
    panel.with_target(target("A", Query(expr, f"{{{{{shown}}}}}" if shown else ""), instant=True))
    panel.thresholds(thresholds(steps)).mappings(mappings(words)).no_value(NOTHING)
    panel.color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
    panel.graph_mode(options.BigValueGraphMode.NONE)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.text_mode(options.BigValueTextMode.NAME if shown else options.BigValueTextMode.VALUE)
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
    not_stacked: str | None = None,
    legend_shown: bool = True,
) -> timeseries.Panel:
    """Lines over time; `lines` draws limits across them; `not_stacked` is the query of a line above stacked areas."""
    panel = framed(timeseries.Panel(), title, description, unit, width, height)
    add_range_targets(panel, queries)
    panel.line_width(1).fill_opacity(25 if stacked else 8).show_points(options.VisibilityMode.NEVER)
    panel.legend(legend(shown=legend_shown)).tooltip(tooltip())
    if lines:
        panel.thresholds(thresholds(lines))
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(options.GraphThresholdsStyleMode.DASHED))
    if stacked:
        panel.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL).group("A"))
    if not_stacked:
        line = {"stacking": {"mode": "none", "group": "A"}, "fillOpacity": 0}
        panel.override_by_query(
            not_stacked, [model.DynamicConfigValue(f"custom.{name}", setting) for name, setting in line.items()]
        )
    for limit, apply in (
        (least, panel.min),
        (most, panel.max),
        (soft_least, panel.axis_soft_min),
        (soft_most, panel.axis_soft_max),
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
    every: str,
    width: int = 12,
    height: int = 8,
    last: str | None = None,
    legend_shown: bool = True,
    decimals: int | None = None,
) -> timeseries.Panel:
    """Stacked bars. A bar covers `every`, or more if the range is long; `last` replaces the dashboard's range."""
    panel = framed(timeseries.Panel(), title, description, unit, width, height)
    add_range_targets(panel, queries)
    panel.draw_style(options.GraphDrawStyle.BARS).line_width(0).fill_opacity(80).min(0)
    panel.bar_alignment(options.BarAlignment.AFTER)
    panel.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL).group("A"))
    panel.interval(every).max_data_points(MOST_BARS).legend(legend(shown=legend_shown)).tooltip(tooltip())
    if last:
        panel.time_from(last)
    return panel if decimals is None else panel.decimals(decimals)


def months(
    title: str, description: str, days: Query, unit: str, *, width: int = 24, height: int = 9, last: str
) -> barchart.Panel:
    """One bar per calendar month. Grafana adds up daily values, because PromQL has no months."""
    panel = framed(barchart.Panel(), title, description, unit, width, height)
    add_range_targets(panel, [days])
    panel.interval("1d").time_from(last).min(0)
    grouped = {
        "Time": {"operation": "groupby", "aggregations": []},
        days.legend: {"operation": "aggregate", "aggregations": ["sum"]},
    }
    panel.with_transformation(transformation("formatTime", timeField="Time", outputFormat="YYYY-MM"))
    panel.with_transformation(transformation("groupBy", fields=grouped))
    panel.color_scheme(build.FieldColor().mode(model.FieldColorModeId.FIXED).fixed_color(days.colour or "blue"))
    panel.show_value(options.VisibilityMode.ALWAYS).legend(legend(shown=False))
    return panel.fill_opacity(80).decimals(2)


def timeline(
    title: str,
    description: str,
    queries: Sequence[tuple[Query, Words]],
    *,
    width: int = 24,
    height: int = 8,
    per_page: int | None = None,
) -> statetimeline.Panel:
    """States over time, one line per series; the words of a query name its states."""
    panel = framed(statetimeline.Panel(), title, description, "none", width, height)
    add_range_targets(panel, [query for query, _ in queries])
    panel.color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS)).thresholds(thresholds(NEUTRAL))
    if len(queries) == 1:
        panel.mappings(mappings(queries[0][1]))
    else:
        for ref_id, (_, words) in zip(REF_IDS, queries, strict=False):
            panel.override_by_query(ref_id, [model.DynamicConfigValue("mappings", mappings(words))])
    panel.show_value(options.VisibilityMode.NEVER).row_height(0.8).fill_opacity(75).line_width(0)
    panel.legend(legend()).tooltip(tooltip())
    return panel if per_page is None else panel.per_page(per_page)


def distribution(
    title: str, description: str, queries: Sequence[Query], *, width: int = 8, height: int = 9
) -> bargauge.Panel:
    """A bar for each query, in their order."""
    panel = framed(bargauge.Panel(), title, description, "none", width, height)
    for ref_id, query in zip(REF_IDS, queries, strict=False):
        panel.with_target(target(ref_id, query, instant=True))
    panel.thresholds(thresholds(NEUTRAL)).min(0).decimals(0).no_value(NOTHING)
    panel.display_mode(options.BarGaugeDisplayMode.BASIC).orientation(options.VizOrientation.HORIZONTAL)
    panel.text(common.VizTextDisplayOptions().value_size(13).title_size(11))
    panel.name_placement(options.BarGaugeNamePlacement.LEFT).value_mode(options.BarGaugeValueMode.TEXT)
    return panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])).max_viz_height(22)


def ranking(
    title: str,
    description: str,
    query: Query,
    unit: str,
    *,
    width: int = 8,
    height: int = RANKING_HEIGHT,
    steps: Steps = NEUTRAL,
    least: float = 0.0,
    most: float | None = None,
    nothing: str = NOTHING,
    decimals: int | None = None,
) -> bargauge.Panel:
    """One bar per series below its name, in the order of the query."""
    panel = framed(bargauge.Panel(), title, description, unit, width, height)
    panel.with_target(target("A", query, instant=True)).no_value(nothing)
    panel.thresholds(thresholds(steps)).min(least)
    panel.color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
    panel.display_mode(options.BarGaugeDisplayMode.BASIC).orientation(options.VizOrientation.HORIZONTAL)
    panel.text(common.VizTextDisplayOptions().value_size(14).title_size(12))
    panel.name_placement(options.BarGaugeNamePlacement.TOP).value_mode(options.BarGaugeValueMode.TEXT)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])).min_viz_height(BAR_PIXELS).max_viz_height(
        BAR_PIXELS
    )
    if most is not None:
        panel.max(most)
    return panel if decimals is None else panel.decimals(decimals)
