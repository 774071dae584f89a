"""A dashboard: its variables, links and annotations, and the grid of its panels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.models import dashboard as model

from grafana import promql
from grafana.charts import value
from grafana.frames import DATASOURCE, Panel
from grafana.meanings import BAD, NONE_IS_GOOD, PLAIN, WARN
from grafana.tables import Column, rows

TAG: Final = "vecharge"
CHARGER_UID: Final = "vecharge-charger"
# A link to one charger, from a table with the columns `Charger` and `Id`. It keeps the chosen variables and time.
CHARGER_LINK: Final = (
    f"/d/{CHARGER_UID}?var-charger_id=${{__data.fields.Id:percentencode}}"
    "&${datasource:queryparam}&${job:queryparam}&${__url_time_range}"
)
Variable = build.QueryVariable | build.CustomVariable | build.TextBoxVariable
UP: Final = 'vecharge_charger_up{job=~"$job"}'

# Not VechargeWatchdog, which always fires.
FIRING: Final = 'alertname=~"Vecharge.+",alertstate="firing",severity!="none"'
# Alerts that aggregate over jobs have no label `job`.
OF_JOB: Final = 'job=~"$job|"'
SEVERITIES: Final = (("critical", BAD), ("warning", WARN), ("info", PLAIN))


@dataclass(frozen=True, slots=True)
class Row:
    """A heading and the panels below it. A closed row does not query Prometheus until it is opened."""

    title: str
    panels: Sequence[Panel]
    closed: bool = False


def board(
    uid: str,
    title: str,
    description: str,
    rows: Sequence[Row],
    *,
    variables: Sequence[Variable] = (),
    annotations: Sequence[build.AnnotationQuery] = (),
    since: str = "now-24h",
) -> model.Dashboard:
    """A dashboard, ready to be written."""
    new = build.Dashboard(title).uid(uid).description(description).tags([TAG])
    new.readonly().time(since, "now").refresh("1m").timezone("browser")
    new.tooltip(model.DashboardCursorSync.CROSSHAIR)
    new.link(
        build.DashboardLink("veCharge")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .include_vars(True)
        .keep_time(True)
    )
    new.with_variable(build.DatasourceVariable("datasource").label("Data Source").type("prometheus"))
    new.with_variable(chosen_target("job", "Job", "vecharge_exporter_build_info"))
    for variable in variables:
        new.with_variable(variable)
    for annotation in annotations:
        new.annotation(annotation)
    for row in rows:
        heading = build.Row(row.title).collapsed(row.closed)
        if row.closed:
            for panel in row.panels:
                heading.with_panel(panel)
        new.with_row(heading)
        if not row.closed:
            for panel in row.panels:
                new.with_panel(panel)
    return _numbered(new.build())


def chosen_target(label: str, title: str, metric: str) -> build.QueryVariable:
    """A variable to choose among the exporters that Prometheus scrapes; by default all."""
    variable = asked(label, title, f"label_values({metric}, {label})")
    everything = model.VariableOption(selected=True, text=["All"], value=["$__all"])
    return variable.multi(True).include_all(True).all_value(".+").current(everything)


def chosen_instance() -> build.QueryVariable:
    """A variable to choose among the exporters of the chosen jobs."""
    return chosen_target("instance", "Instance", 'vecharge_exporter_build_info{job=~"$job"}')


def sources() -> list[Variable]:
    """Hidden variables that decide what the queries over the range read: `recorded` or `raw` matches every job.

    Raw data is read where prometheus/recording.yml is not loaded, or was loaded later than the range begins. The other
    selector matches nothing, so that it costs nothing.
    """
    rules = 'charger:vecharge_charger_up:avg5m{job=~"$job"}'
    raw = f"absent({rules}) or absent({rules} offset $__range) and on () count({UP} offset $__range)"
    queries = {"raw": raw, "recorded": f"vector(1) unless on () ({raw})"}
    return [
        asked(name, name, f'query_result(label_replace({query}, "source", ".+", "", ""))')
        .regex('/source="(.+)"/')
        .hide(model.VariableHide.HIDE_VARIABLE)
        for name, query in queries.items()
    ]


def pages(size: str, availability: str) -> list[Variable]:
    """Which chargers the timeline queries: a page of the least available ones, so that a large fleet costs no more."""
    page = build.CustomVariable("page").label("Page").values(",".join(str(number) for number in range(1, 51)))
    worst = f"bottomk({size} * $page, {availability}) unless bottomk({size} * ($page - 1), {availability})"
    shown = asked("shown", "shown", f"query_result({worst})").regex('/charger_id="([^"]+)"/')
    everything = model.VariableOption(selected=True, text=["All"], value=["$__all"])
    offset = build.TextBoxVariable("utc_offset").label("Hours ahead of UTC").default_value("5.5")
    return [
        page,
        shown.multi(True).include_all(True).current(everything).hide(model.VariableHide.HIDE_VARIABLE),
        offset,
    ]


def asked(name: str, title: str, query: str) -> build.QueryVariable:
    """A variable whose values are a query; Grafana repeats it when the time range changes."""
    variable = build.QueryVariable(name).label(title).datasource(DATASOURCE).query(query)
    return variable.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(model.VariableSort.ALPHABETICAL_ASC)


def annotation(
    name: str, expr: str, colour: str, title: str, text: str, *, at_value: bool = False
) -> build.AnnotationQuery:
    """Marks on the time axis; `at_value`: the value is the time of the mark, in milliseconds."""
    query = prometheus.Dataquery().ref_id("Anno").datasource(DATASOURCE).expr(expr).range()
    marks = build.AnnotationQuery().name(name).datasource(DATASOURCE).enable(True).icon_color(colour)
    marks.target(query).expr(expr).step("60s").title_format(title).text_format(text)
    return marks.use_value_for_time(at_value)


def firing(*matchers: str) -> str:
    """The alerts that fire."""
    return f"ALERTS{{{','.join((*matchers, FIRING, OF_JOB))}}}"


def alert_marks(alerts: str) -> build.AnnotationQuery:
    """Firing alerts as marks on the time axis."""
    return annotation("Alerts", alerts, BAD, "{{alertname}}", "Firing, {{severity}}. {{name}} {{charger_id}}")


def exporters_up() -> Panel:
    """The number of exporters that are up, of those that should exist."""
    return value(
        "Exporters up",
        "Exporters that Prometheus scrapes successfully, of those that should exist: the targets, or the number of "
        "shards.",
        promql.exporters_up(),
        "none",
        width=6,
        steps=NONE_IS_GOOD,
        shown="shown",
    )


def alerts(
    about: str,
    *,
    description: str = "Alerts of prometheus/alerts.yml that fire now. Empty when all is well.",
    width: int,
    height: int,
) -> Panel:
    """A table of alerts. The column `About` has the most specific label that an alert has."""
    for label in ("job", "instance", "account", "address", "charger_id", "name"):
        about = f'label_replace({about}, "about", "$1", "{label}", "(.+)")'
    return rows(
        "Firing alerts",
        description,
        about,
        [
            Column("Severity", label="severity", colours=SEVERITIES, width=75),
            Column("Alert", label="alertname"),
            Column("About", label="about"),
            Column("Account", label="account", width=85),
            Column("Instance", label="instance"),
        ],
        width=width,
        height=height,
        sort="Severity",
        nothing="None",
    )


def _numbered(new: model.Dashboard) -> model.Dashboard:
    """Number the panels. A stable order keeps the diffs of the generated files small."""
    number = 0
    for top in new.panels or []:
        for panel in (top, *(top.panels if isinstance(top, model.RowPanel) else ())):
            number += 1
            panel.id_val = number
    return new
