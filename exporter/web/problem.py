"""Why a charger cannot be reached, in words for the person who can do something about it."""

from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.charger.events import Status


def problem_of(charger: Charger, now: Moment) -> str | None:
    """What is wrong with `charger` and what to do; None while it is up."""
    if charger.is_up(now):
        return None
    if not charger.stream.connected:
        if charger.stream.problem is not None:
            return charger.stream.problem
        if charger.stream.connections:
            return "the stream has ended: it is being connected again"
        return "not connected yet: its turn will come"
    if charger.wifi_connected is False:
        return "the charger has dropped off the service: check its Wi-Fi and power"
    if charger.status is Status.ON:
        return "it is on, and yet its readings have stopped: check its Wi-Fi and power"
    return "connected, but the service has sent nothing yet"
