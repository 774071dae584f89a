"""PromQL of the exporters that are chosen at the top of their dashboard."""

from grafana import promql
from grafana.promql import INSTANCE, of_exporters, rise_in_bars


def select(metric: str, *matchers: str) -> str:
    """A metric of the exporters chosen at the top of the dashboard."""
    return promql.select(metric, *matchers, INSTANCE)


def own(metric: str) -> str:
    """A metric that every target has, of our exporters only."""
    return of_exporters(select(metric))


def rate(counter: str, by: str) -> str:
    """The rate of a counter of the exporters, by a label."""
    return promql.rate(counter, INSTANCE, by=by)


def each(metric: str, query: str = "{}") -> str:
    """A metric that every target has, of each of our exporters that is up."""
    return f"max by (instance) ({query.format(select(metric))} and on (job, instance) {promql.BUILD_INFO})"


def per_instance(metric: str) -> str:
    """A metric of the exporters, one series for each."""
    return f"max by (instance) ({select(metric)})"


def seconds_each(counters: str) -> str:
    """The mean duration of an operation, from its counters `COUNTERS_seconds_total` and `COUNTERSs_total`."""
    seconds, times = (
        f"sum by (instance) (rate({select(f'{counters}{ending}')}[$__rate_interval]))"
        for ending in ("_seconds_total", "s_total")
    )
    return f"{seconds} / {times}"


def counted(counter: str, by: str = "") -> str:
    """The number of events in each bar."""
    return rise_in_bars(counter, INSTANCE, by=by)


CHARGERS = f"sum({select('vecharge_exporter_chargers')})"
CONNECTED_STREAMS = f"sum(max by (charger_id) ({select('vecharge_stream_connected')}))"
# Several exporters can use a token and expose its expiry: take the earliest.
TOKEN_LEFT = f"min by (account) ({select('vecharge_account_token_expiry_timestamp_seconds')}) - time()"
CHARGERS_OF_EACH = f"sum by (instance) ({select('vecharge_exporter_chargers')})"
RUNNING = f"time() - max by (instance) ({own('process_start_time_seconds')})"
LOADED = f"time() - max by (instance) ({select('vecharge_exporter_config_last_reload_success_timestamp_seconds')})"
ANSWERED = f"last_over_time({select('vecharge_exporter_build_info')}[$__range])"
EXPORTERS = promql.exporters(INSTANCE)
# An exporter that has never answered has no version.
BUILDS = f"topk by (instance) (1, {ANSWERED} or on (job, instance) {EXPORTERS})"
