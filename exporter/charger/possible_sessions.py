"""Which sessions a reading can belong to, by time and power, and which of them is more likely.

Power tells which is more likely: the energy that it predicts is nearer to the reading. So does another user.
"""

from typing import Final

from exporter.charger.decision_input import EnergyReading, Evidence, Known
from exporter.charger.energy import DIP, JOULES_PER_KWH, ROUNDING, SAME_JOULES, SLACK
from exporter.charger.log_order import BURST_SECONDS
from exporter.charger.sessions import KnownBy

# If a document says that the session has ended, a new session is more likely if the energy predicted for it is nearer
# to the reading by more than this: less than 0.01 kWh, the step of the readings.
MARGIN: Final = 9_000
# After a switch to ON, the same session is more likely only if the energy predicted for it is more than this many times
# nearer to the reading than that of a new session.
TIMES_NEARER: Final = 3
# For this long after a switch to ON, the power of a reading shows how much energy has flowed since.
PROMPT_SECONDS: Final = 600.0
# Above this energy, a reading that equals the energy of the old session belongs to it: this is not a coincidence.
NOT_BY_CHANCE: Final = JOULES_PER_KWH // 2


def can_flow(joules: int, seconds: float, watts: float) -> bool:
    """Return whether this energy can flow in this time at this power."""
    return joules - SLACK <= watts * seconds


def same_session_is_possible(known: Known, reading: EnergyReading) -> bool:
    """Return whether the current session can have risen to this energy since its last change."""
    current, gap, limit = known.current, known.evidence.gap, known.limits.rise
    if can_flow(reading.energy - current.energy, reading.at - current.changed_at, limit):
        return True
    # A document may have raised the session since its last reading.
    if gap is None or reading.at - max(current.read_at, current.changed_at) > BURST_SECONDS:
        return False
    # A backlog that has the time of its arrival: its energy has flowed since before the gap.
    return can_flow(reading.energy - gap.energy, reading.at - gap.began_at, limit)


def new_session_is_possible(known: Known, reading: EnergyReading) -> bool:
    """Return whether there is evidence of a new session, and all of the energy can have flowed since."""
    if not known.evidence.all and not known.evidence.is_another_user(reading.user):
        return False
    seconds = reading.at - earliest_start(known, reading)
    if not known.evidence.all and reading.energy >= known.current.energy - ROUNDING:
        # Some chargers alternate between users: without other evidence and without a fall, do not allow any slack.
        return SLACK < reading.energy <= known.limits.new_session * seconds
    # The peak may be that of a car that was nearly full. Where the new session is proven, it excludes nothing.
    limit = known.limits.hard if new_session_is_proven(known, reading) else known.limits.new_session
    return can_flow(reading.energy, seconds, limit)


def new_session_is_proven(known: Known, reading: EnergyReading) -> bool:
    """Return whether a document says that the session has ended, and the reading has another user.

    Each alone may be wrong, so that the power decides: `prev_energy` can be equal by chance, and users can vary.
    """
    evidence = known.evidence
    said_ended = bool(evidence.fresh & Evidence.ENDED)
    return said_ended and evidence.is_another_user(reading.user) and not evidence.users_vary


def previous_session_is_possible(known: Known, reading: EnergyReading) -> bool:
    """Return whether the previous session can have risen to this energy. The current one has not reached it yet."""
    previous = known.previous
    if previous is None or known.current.energy >= previous.energy or reading.energy < DIP * previous.energy:
        return False
    return can_flow(reading.energy - previous.energy, reading.at - previous.changed_at, known.limits.rise)


def earliest_start(known: Known, reading: EnergyReading) -> float:
    """Return the earliest time at which a session that the reading begins can have begun."""
    last, switched_on, gap = known.current.read_at, known.switched_on_at, known.evidence.gap
    if switched_on is not None and known.current.changed_at <= switched_on:
        return switched_on  # the logs since then still have the old energy
    if gap is not None and reading.at - last <= BURST_SECONDS:
        last = gap.began_at
    return last if switched_on is None else max(last, switched_on)


def is_more_likely_new(known: Known, reading: EnergyReading) -> bool:
    """Return whether the reading more likely belongs to a new session, if the same session is also possible."""
    energy, evidence = known.current.energy, known.evidence
    shows_old_energy = 0 <= reading.energy - energy <= SAME_JOULES
    is_another_user = evidence.is_another_user(reading.user)
    # Just after ON, neither a reading of 0 nor one of another user needs a power.
    just_switched_on = _was_just_switched_on(known, reading)
    if just_switched_on and reading.energy == 0:
        return True
    if just_switched_on and is_another_user and not shows_old_energy and not evidence.users_vary:
        return True
    if new_session_is_proven(known, reading) and not shows_old_energy:
        return True
    if reading.watts is None:
        return is_another_user and reading.energy > energy / DIP + SLACK
    same, new = _differences(known, reading, reading.watts)
    if is_another_user:
        return same + ROUNDING >= new
    if shows_old_energy and energy > NOT_BY_CHANCE:
        return False
    if just_switched_on and reading.watts:
        return TIMES_NEARER * same >= new
    return bool(evidence.fresh & Evidence.ENDED) and new + MARGIN < same


def why_new(known: Known, reading: EnergyReading) -> str:
    """Return why a new session began, for the log."""
    return "another user" if known.evidence.is_another_user(reading.user) else "the power fits a new session better"


def is_doubtful(known: Known, reading: EnergyReading) -> bool:
    """Return whether the reading may begin a new session, the difference matters, and power does not exclude it."""
    never_read = known.current.read_at == 0.0
    if never_read or known.current.energy <= ROUNDING:
        return False
    if reading.watts is None:
        return True
    same, new = _differences(known, reading, reading.watts)
    return same + ROUNDING >= new


def previous_fits_better(known: Known, reading: EnergyReading) -> bool:
    """Return whether the reading fits the previous session better, if it could also belong to the current one."""
    previous, watts = known.previous, reading.watts
    if previous is None or reading.energy < previous.energy - ROUNDING:
        return False
    if watts is None:
        return not known.current.begun_on & ~(Evidence.GAP | Evidence.DROP)
    same, _ = _differences(known, reading, watts)
    merged = abs(reading.energy - previous.energy - _flowed(watts, reading.at - previous.changed_at))
    return same + ROUNDING >= merged


def _was_just_switched_on(known: Known, reading: EnergyReading) -> bool:
    """Return whether this is the first reading after a switch to ON, soon after it, and the old session has energy."""
    switched_on = known.switched_on_at
    if switched_on is None or not known.evidence.fresh & Evidence.ON or known.current.energy == 0:
        return False
    return reading.at - switched_on <= PROMPT_SECONDS


def _differences(known: Known, reading: EnergyReading, watts: float) -> tuple[float, float]:
    """Return how far the reading is from the energy that its power predicts: of the same session, and of a new one."""
    current, switched_on = known.current, known.switched_on_at
    since = current.changed_at
    if switched_on is not None and since < switched_on:
        # Energy flowed from the last reading to the OFF, and again since the ON.
        since = switched_on
        if current.ended_by is KnownBy.STATUS and current.ended_at is not None:
            since -= max(current.ended_at - current.read_at, 0.0)
    same = current.energy + _flowed(watts, reading.at - since)
    new = _flowed(watts, reading.at - earliest_start(known, reading))
    return abs(reading.energy - same), abs(reading.energy - new)


def _flowed(watts: float, seconds: float) -> float:
    """Return the energy that has flowed in this time; none if the time is negative, since clocks may differ."""
    return watts * max(seconds, 0.0)
