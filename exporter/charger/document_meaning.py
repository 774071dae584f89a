"""What the energy in a charger's document means."""

from enum import Enum

from exporter.charger.decision_input import EnergyReading, Known
from exporter.charger.possible_sessions import (
    can_flow,
    earliest_start,
    is_another_user,
    may_continue_previous,
    same_session_is_possible,
)
from exporter.charger.tolerances import RISES_THAT_PROVE, SAME_JOULES


class DocumentMeaning(Enum):
    """What the last energy in the document of a charger that is OFF means."""

    NOTHING = "nothing"
    RAISE = "raise"  # of the current session
    PREVIOUS_SESSION = "previous_session"  # raises that one: the current one was a glitch
    OWN_SESSION = "own_session"  # a session that was not seen


def decide_document(known: Known, reading: EnergyReading) -> DocumentMeaning:
    """The meaning of a document for the session that ended; `reading.at` is the time of its receipt."""
    current, previous = known.current, known.previous
    own_is_possible = can_flow(reading.energy, reading.at - earliest_start(known, reading), known.limits.new_session)
    differs = abs(reading.energy - current.reported) > SAME_JOULES
    if reading.energy > 0 and is_another_user(known, reading) and differs and own_is_possible:
        return DocumentMeaning.OWN_SESSION
    possible = same_session_is_possible(known, reading)
    is_glitch = current.rises < RISES_THAT_PROVE and (not possible or not current.reported)
    if (
        previous is not None
        and is_glitch
        and reading.energy >= previous.energy
        and may_continue_previous(known, reading)
    ):
        return DocumentMeaning.PREVIOUS_SESSION
    return DocumentMeaning.RAISE if possible and reading.energy > current.reported else DocumentMeaning.NOTHING
