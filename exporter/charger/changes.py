"""What has changed since the last page."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from exporter.charger.clock import Moment
from exporter.charger.events import OFF

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.charger.charger import Charger
    from exporter.charger.meter_state import Totals


class LiveValues(NamedTuple):
    """The values of a charger that an ordinary log may change; an unknown value is None."""

    up: bool
    voltage_volts: float | None
    current_amperes: float | None
    power_watts: float | None
    session_joules: int | None
    session_start_unix: float | None
    last_log_unix: float | None
    accepted: int
    rejected: int
    last_event_unix: float | None
    # When the readings become stale, in monotonic seconds: then values change without an event.
    stale_at: float
    # As long as it is the same, no other value of the charger has changed.
    revision: int


@dataclass(slots=True)
class Changes:
    """The chargers that have changed since the page last showed them, and their values for the next page.

    `keep` is called after each change by an event: the state of the charger must be written to disk.
    """

    keep: "Callable[[Charger], None]" = lambda _charger: None
    # None: the values have to be read when they are shown.
    unrendered: "dict[Charger, LiveValues | None]" = field(default_factory=dict)
    # Totals that were written to disk and have not been rendered.
    unrendered_totals: "dict[Charger, Totals]" = field(default_factory=dict)

    def mark(self, charger: "Charger", now: Moment) -> None:
        """Record a change of `charger` by an event.

        The values are read at once. This spreads the work over the time between two scrapes. Reading them at the scrape
        takes four times as long, since they are no longer in the processor's cache.
        """
        self.unrendered[charger] = live_values(charger, now)
        self.keep(charger)


def live_values(charger: "Charger", now: Moment) -> LiveValues:
    """Return the values as of now. One function per value takes twice as long."""
    readings, meter = charger.readings, charger.meter
    if now.monotonic <= readings.stale_at:
        volts, amperes, watts = readings.voltage_volts, readings.current_amperes, readings.power_watts
    else:
        volts = amperes = watts = None
    if charger.status is OFF:
        amperes = watts = 0.0
    return LiveValues(
        charger.is_up(now),
        volts,
        amperes,
        watts,
        meter.session_joules,
        charger.session_start_unix,
        meter.last_log_unix,
        readings.accepted,
        readings.rejected,
        charger.stream.last_event_unix,
        readings.stale_at,
        charger.revision,
    )
