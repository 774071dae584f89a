"""Why a charger cannot be reached, and what to do, as text."""

from exporter.charger.charger import Charger
from exporter.charger.clock import Moment


def problem_of(charger: Charger, now: Moment) -> str | None:
    """Return what is wrong with `charger` and what to do; None while it is up."""
    if charger.is_up(now):
        return None
    if not charger.stream.connected:
        if charger.stream.problem is not None:
            return charger.stream.problem
        if charger.stream.connections:
            return "the stream has ended: reconnecting"
        return "not connected yet: waiting for its turn to connect"
    if not charger.stream.has_heard:
        return "connected, but the service has sent nothing yet"
    if charger.wifi_connected is False:
        return "the charger lost its connection to the service: check its Wi-Fi and power"
    return "the charger is on, but its readings have stopped: check its Wi-Fi and power"
