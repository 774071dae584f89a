"""The meaning of a log that arrives after a newer one."""

from enum import Enum

from exporter.charger.decision_input import EnergyReading, Known
from exporter.charger.log_order import SHUFFLED_SECONDS
from exporter.charger.possible_sessions import can_flow
from exporter.charger.tolerances import DIP, ROUNDING


class LateMeaning(Enum):
    """The meaning of a log that was written before the current session began."""

    NOTHING = "nothing"
    RAISE_PREVIOUS = "raise_previous"
    BETWEEN = "between"  # a session between the previous and the current one


def decide_late(known: Known, reading: EnergyReading, silence: float) -> LateMeaning:
    """Return the meaning of a log of a backlog that arrived after the first log of the current session.

    `silence` is the time since the last log that was in order, in seconds by the exporter's clock.
    """
    current, previous = known.current, known.previous
    # A log whose energy the current session may have had at that time belongs to that session.
    if previous is None or reading.energy <= current.first_energy + ROUNDING:
        return LateMeaning.NOTHING
    if not previous.read_at < reading.at < current.first_at:
        return LateMeaning.NOTHING
    came_after_a_gap = known.before_gap is not None and known.after_gap_at == current.first_at
    if reading.at - previous.read_at > SHUFFLED_SECONDS:
        # The next log of the current session, by a clock that was set back, looks like one of a backlog.
        is_no_fall = reading.energy >= current.energy - ROUNDING
        may_be_next = is_no_fall and can_flow(reading.energy - current.energy, silence, known.limits.rise)
        if not came_after_a_gap or may_be_next:
            return LateMeaning.NOTHING
    if reading.energy >= previous.energy - ROUNDING:
        possible = can_flow(reading.energy - previous.energy, reading.at - previous.changed_at, known.limits.rise)
        return LateMeaning.RAISE_PREVIOUS if possible else LateMeaning.NOTHING
    possible = can_flow(reading.energy, reading.at - previous.read_at, known.limits.new_session)
    return LateMeaning.BETWEEN if possible and reading.energy < DIP * previous.energy else LateMeaning.NOTHING
