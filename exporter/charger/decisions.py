"""Decides what the meter does with an energy: the tables of docs/energy.md, as functions without side effects.

`decide` is for a reading that is in order, `decide_late` for one that is not, `decide_document` for a document.
"""

from enum import Enum
from typing import Final, NamedTuple

from exporter.charger.decision_input import EnergyReading, Evidence, Held, Known
from exporter.charger.energy import DIP, JOULES_PER_KWH, ROUNDING, SAME_JOULES, SLACK
from exporter.charger.log_order import SHUFFLED_SECONDS
from exporter.charger.outcome import Judgement
from exporter.charger.possible_sessions import (
    can_flow,
    earliest_start,
    is_doubtful,
    is_more_likely_new,
    new_session_is_possible,
    previous_fits_better,
    previous_session_is_possible,
    same_session_is_possible,
    why_new,
)

# A charger that lost its power continues from an energy that it saved at most this long ago, and that is at least this
# share of the last one.
UNSAVED_SECONDS: Final = 300.0
UNSAVED_SHARE: Final = 0.5
READINGS_THAT_PROVE: Final = 3
# A current session that has risen this often is not a glitch.
RISES_THAT_PROVE: Final = 3
# Readings that arrive in a burst agree only if each is at most this much above the one before.
LARGEST_STEP: Final = JOULES_PER_KWH + SLACK


class Action(Enum):
    """What the meter does with a reading."""

    CONTINUE = "continue"  # the same session; its energy becomes the higher of the two
    BEGIN = "begin"  # a new session
    MERGE = "merge"  # the current session was a glitch: continue the previous one
    HOLD_HIGH = "hold_high"
    HOLD_LOW = "hold_low"
    COUNT_JUMP = "count_jump"
    SET_JUMP_ASIDE = "set_jump_aside"


class LateMeaning(Enum):
    """What a log means that was written before the current session began."""

    NOTHING = "nothing"
    RAISE_PREVIOUS = "raise_previous"
    BETWEEN = "between"  # a session between the previous and the current one


class DocumentMeaning(Enum):
    """What the energy in the document of a charger that is OFF means."""

    NOTHING = "nothing"
    RAISE = "raise"  # of the current session
    PREVIOUS_SESSION = "previous_session"  # raises that one: the current one was a glitch
    OWN_SESSION = "own_session"  # a session of which no log was received


class Decision(NamedTuple):
    """The action for a reading, why it could be wrong, and the run of held readings, this one included."""

    action: Action
    judgement: Judgement | None = None
    reason: str = ""
    held: Held | None = None


def decide(known: Known, reading: EnergyReading) -> Decision:
    """Return the decision on a reading that is in order."""
    if reading.energy >= known.current.energy - ROUNDING:
        return _at_or_above(known, reading)
    return _below(known, reading)


def decide_late(known: Known, reading: EnergyReading, silence: float) -> LateMeaning:
    """Return the meaning of a log that arrives after the first log of the current session.

    `silence` is the time since the last log that was in order, in seconds by the exporter's clock.
    """
    current, previous = known.current, known.previous
    if previous is None or not previous.read_at < reading.at < current.first_at:
        return LateMeaning.NOTHING
    # A log whose energy the current session may have had at that time belongs to that session.
    if reading.energy <= current.first_energy + ROUNDING:
        return LateMeaning.NOTHING
    if reading.at - previous.read_at > SHUFFLED_SECONDS:
        gap = known.evidence.gap
        came_after_a_gap = gap is not None and gap.ended_at == current.first_at
        # If the clock was set back, the next log of the current session looks like one of a backlog.
        is_no_fall = reading.energy >= current.energy - ROUNDING
        may_be_next = is_no_fall and can_flow(reading.energy - current.energy, silence, known.limits.rise)
        if not came_after_a_gap or may_be_next:
            return LateMeaning.NOTHING
    if reading.energy >= previous.energy - ROUNDING:
        possible = can_flow(reading.energy - previous.energy, reading.at - previous.changed_at, known.limits.rise)
        return LateMeaning.RAISE_PREVIOUS if possible else LateMeaning.NOTHING
    possible = can_flow(reading.energy, reading.at - previous.read_at, known.limits.new_session)
    return LateMeaning.BETWEEN if possible and reading.energy < DIP * previous.energy else LateMeaning.NOTHING


def decide_document(known: Known, reading: EnergyReading) -> DocumentMeaning:
    """Return the meaning of the energy in a document; `reading.at` is the time of its receipt."""
    current, previous = known.current, known.previous
    own_is_possible = can_flow(reading.energy, reading.at - earliest_start(known, reading), known.limits.new_session)
    differs = abs(reading.energy - current.reported) > SAME_JOULES
    if reading.energy > 0 and known.evidence.is_another_user(reading.user) and differs and own_is_possible:
        return DocumentMeaning.OWN_SESSION
    possible = same_session_is_possible(known, reading)
    is_glitch = current.rises < RISES_THAT_PROVE and (not possible or not current.reported)
    reaches_previous = previous is not None and reading.energy >= previous.energy
    if is_glitch and reaches_previous and previous_session_is_possible(known, reading):
        return DocumentMeaning.PREVIOUS_SESSION
    return DocumentMeaning.RAISE if possible and reading.energy > current.reported else DocumentMeaning.NOTHING


def _at_or_above(known: Known, reading: EnergyReading) -> Decision:
    """Decide on a reading that does not fall: the previous session, a new one, the same one, or too high for any."""
    evidence = known.evidence
    same = same_session_is_possible(known, reading)
    # Older evidence counts only for a fall: readings have continued the session since then.
    may_be_new = bool(evidence.fresh) or (evidence.is_another_user(reading.user) and not evidence.users_vary)
    new = may_be_new and new_session_is_possible(known, reading)
    if known.current.rises < RISES_THAT_PROVE and _may_merge(known, reading):
        if not same:
            return Decision(Action.MERGE, Judgement.MERGED, "the current session cannot have risen so fast")
        if previous_fits_better(known, reading):
            return Decision(Action.MERGE, Judgement.MERGED, "the previous session fits better")
    if new and is_more_likely_new(known, reading):
        return Decision(Action.BEGIN, Judgement.NEW_SESSION, why_new(known, reading))
    if same and new and is_doubtful(known, reading):
        return Decision(Action.CONTINUE, Judgement.RESUMED, "the same session, though a new one is possible")
    if same:
        return Decision(Action.CONTINUE)
    if new:
        return Decision(Action.BEGIN, Judgement.NEW_SESSION, "the same session cannot have risen so fast")
    return _held_high(known, reading)


def _below(known: Known, reading: EnergyReading) -> Decision:
    """Decide on a reading that falls: a new session, or a dip or glitch, which is held."""
    if new_session_is_possible(known, reading):
        if not _is_dip(known, reading):
            return Decision(Action.BEGIN)
        if is_more_likely_new(known, reading):
            return Decision(Action.BEGIN, Judgement.NEW_SESSION, why_new(known, reading))
    return _held_low(known, reading)


def _held_high(known: Known, reading: EnergyReading) -> Decision:
    """Hold a reading that is too high for any explanation, until three in a row agree."""
    held = _run(known.held, reading, is_high=True, hard=known.limits.hard)
    if held.length < READINGS_THAT_PROVE:
        return Decision(Action.HOLD_HIGH, held=held)
    if _may_merge(known, reading):
        return Decision(Action.MERGE, Judgement.MERGED, "three readings in a row fit the previous session alone")
    # All that the current session has delivered, and the earliest time at which it can have begun.
    delivered, began = reading.energy - known.current.first_energy, known.current.began_at
    if known.previous is not None:
        delivered, began = reading.energy, known.previous.read_at
    if can_flow(delivered, reading.at - began, known.limits.hard):
        return Decision(Action.COUNT_JUMP, Judgement.JUMP_COUNTED, "three readings in a row agree", held)
    reason = "three readings in a row agree, but the power would be beyond max_power_watts"
    return Decision(Action.SET_JUMP_ASIDE, Judgement.JUMP_SET_ASIDE, reason, held)


def _held_low(known: Known, reading: EnergyReading) -> Decision:
    """Hold a reading that falls without a reason, until three in a row prove an unannounced reset."""
    held = _run(known.held, reading, is_high=False, hard=known.limits.hard)
    is_dip = _is_dip(known, reading)
    proven = held.length >= READINGS_THAT_PROVE and not is_dip
    if proven and can_flow(reading.energy, reading.at - known.current.read_at, known.limits.new_session):
        return Decision(Action.BEGIN, Judgement.UNANNOUNCED_RESET, "three readings in a row agree")
    first_of_run = Judgement.DIP if held.length == 1 else None
    reason = "a small fall" if is_dip else "no evidence of a new session, or too little time for its energy"
    return Decision(Action.HOLD_LOW, first_of_run, reason, held)


def _may_merge(known: Known, reading: EnergyReading) -> bool:
    """Return whether the current session may be a glitch, and the reading continues the previous one.

    A session that has delivered energy is not a glitch if a switch to ON was seen; neither is one with its own user.
    """
    current = known.current
    was_switched_on = (known.evidence.fresh | current.begun_on) & Evidence.ON and current.energy > 0
    has_own_user = current.begun_on & Evidence.USER and reading.user == known.evidence.user
    return not was_switched_on and not has_own_user and previous_session_is_possible(known, reading)


def _is_dip(known: Known, reading: EnergyReading) -> bool:
    """Return whether a fall is small, or at most what a charger that lost its power may not have saved."""
    energy = known.current.energy
    if reading.energy >= DIP * energy:
        return True
    if known.evidence.fresh & ~Evidence.DROP or reading.watts is None or known.evidence.is_another_user(reading.user):
        return False
    return reading.energy >= UNSAVED_SHARE * energy and energy - reading.energy <= reading.watts * UNSAVED_SECONDS


def _run(held: Held | None, reading: EnergyReading, *, is_high: bool, hard: float) -> Held:
    """Return the run of held readings that ends with this one.

    A reading that falls or leaps does not agree with the run: it begins a new one.
    """
    if held is None or held.is_high is not is_high:
        return Held(is_high, reading, reading)
    rise = reading.energy - held.last.energy
    leaps = is_high and rise > LARGEST_STEP and not can_flow(rise, reading.at - held.last.at, hard)
    if rise < -ROUNDING or leaps:
        return Held(is_high, reading, reading)
    return held._replace(last=reading, length=held.length + 1)
