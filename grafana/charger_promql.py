"""PromQL of the charger that is chosen at the top of its dashboard."""

from grafana import promql
from grafana.promql import rise_in_bars

THIS = 'charger_id="$charger_id"'
SESSION_KWH = f"{promql.gauge('vecharge_charger_session_energy_joules', THIS)} / {promql.JOULES_PER_KWH}"


def gauge(metric: str, *matchers: str) -> str:
    """A metric of the charger that is not a counter."""
    return promql.gauge(metric, THIS, *matchers)


def rises(counter: str) -> str:
    """The rise of a counter of the charger in each bar."""
    return rise_in_bars(counter, THIS)
