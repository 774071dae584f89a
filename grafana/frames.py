"""What every panel has: a title, a place on the grid, queries, and the look of its legend."""

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
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import QueryEditorMode

DATASOURCE: Final = options.DataSourceRef(type_val="prometheus", uid="${datasource}")
REF_IDS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NOTHING: Final = "–"  # noqa: RUF001 - shown instead of a missing number

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


def framed(panel: AnyPanel, title: str, description: str, unit: str, width: int, height: int) -> AnyPanel:
    """Set what every panel has."""
    panel.title(title).description(description).unit(unit).span(width).height(height)
    return panel.datasource(DATASOURCE)


def target(ref_id: str, query: Query, *, instant: bool = False) -> prometheus.Dataquery:
    """A query in the form that a panel needs: over the time range, or at its end."""
    new = prometheus.Dataquery().ref_id(ref_id).datasource(DATASOURCE).expr(query.expr)
    new.legend_format(query.legend).editor_mode(QueryEditorMode.CODE)
    return new.instant() if instant else new.range()


def add_range_targets(panel: AnyPanel, queries: Sequence[Query]) -> None:
    """Queries over the time range, each in its colour if it has one."""
    for ref_id, query in zip(REF_IDS, queries, strict=False):
        panel.with_target(target(ref_id, query))
        if query.colour:
            fixed = {"mode": "fixed", "fixedColor": query.colour}
            panel.override_by_query(ref_id, [model.DynamicConfigValue("color", fixed)])


def transformation(kind: str, **settings: object) -> model.DataTransformerConfig:
    """A transformation of query results, before the panel shows them."""
    return model.DataTransformerConfig(kind, options=settings)


def legend(*, shown: bool = True) -> common.VizLegendOptions:
    """The legend: a list below the panel."""
    new = common.VizLegendOptions().show_legend(shown).display_mode(options.LegendDisplayMode.LIST)
    return new.placement(options.LegendPlacement.BOTTOM).calcs([])


def tooltip() -> common.VizTooltipOptions:
    """The tooltip: all series at the cursor, the highest value first."""
    return common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.DESCENDING)
