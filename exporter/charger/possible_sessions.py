"""Which sessions a reading can belong to, by time and power."""

from typing import Final

from exporter.charger.decision_input import EnergyReading, Known
from exporter.charger.energy import DIP, ROUNDING, SLACK

# Logs after a gap that are at most this far apart are a backlog that has the time of its arrival.
BURST_SECONDS: Final = 1.0


def same_session_is_possible(known: Known, reading: EnergyReading) -> bool:
    """Return whether the current session can have risen to this energy since its last change."""
    current, limit = known.current, known.limits.rise
    if can_flow(reading.energy - current.energy, reading.at - current.changed_at, limit):
        return True
    # A document may have raised the session since its last reading.
    if known.evidence.before_gap is None or reading.at - max(current.read_at, current.changed_at) > BURST_SECONDS:
        return False
    energy, at = known.evidence.before_gap
    return can_flow(reading.energy - energy, reading.at - at, limit)


def new_session_is_possible(known: Known, reading: EnergyReading) -> bool:
    """Return whether there is evidence of a new session, and all of the energy can have flowed since."""
    if not known.evidence.all and not known.evidence.is_another_user(reading.user):
        return False
    seconds = reading.at - earliest_start(known, reading)
    if not known.evidence.all and reading.energy >= known.current.energy - ROUNDING:
        # Some chargers alternate between users: without other evidence and without a fall, do not allow any slack.
        return SLACK < reading.energy <= known.limits.new_session * seconds
    return can_flow(reading.energy, seconds, known.limits.new_session)


def may_continue_previous(known: Known, reading: EnergyReading) -> bool:
    """Return whether the reading continues the previous session, which the current one has not reached yet."""
    previous = known.previous
    if previous is None or known.current.energy >= previous.energy or reading.energy < DIP * previous.energy:
        return False
    return can_flow(reading.energy - previous.energy, reading.at - previous.changed_at, known.limits.rise)


def earliest_start(known: Known, reading: EnergyReading) -> float:
    """Return the earliest time at which a session that the reading begins can have begun."""
    last, switched_on = known.current.read_at, known.switched_on_at
    if switched_on is not None and known.current.changed_at <= switched_on:
        return switched_on  # the logs since then still have the old energy
    if known.evidence.before_gap is not None and reading.at - last <= BURST_SECONDS:
        last = known.evidence.before_gap[1]
    return last if switched_on is None else max(last, switched_on)


def can_flow(joules: int, seconds: float, watts: float) -> bool:
    """Return whether this energy can flow in this time at this power."""
    return joules - SLACK <= watts * seconds
