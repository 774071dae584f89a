"""What an energy reading means: the tables of docs/energy.md, as one function without side effects.

Energies are whole joules, times are unix seconds by the charger's clock, powers are watts.
"""

from enum import Enum, IntFlag, StrEnum
from typing import Final, NamedTuple

from exporter.charger.sessions import RunningSession

JOULES_PER_KWH: Final = 3_600_000
ROUNDING: Final = 72_000  # 0.02 kWh
# `prev_energy`, or that of a document, and the energy of a session are the same if they differ by no more than this.
SAME_JOULES: Final = 36_000
# Where the switch to ON was seen, so much is enough to be nearer to a new session: less than a hundredth of a kWh.
MARGIN: Final = 9_000
# Above this, no new session shows the energy of the old one by chance.
KEPT: Final = JOULES_PER_KWH // 2
SLACK: Final = 360_000  # 0.1 kWh: two roundings, and logs that were a moment late
# After a gap, logs no further apart than this are a backlog that was stamped on arrival.
BURST_SECONDS: Final = 1.0
# Logs are shuffled by no more than this.
SHUFFLED_SECONDS: Final = 60.0
DIP: Final = 0.9

# A charger that lost its power goes on from an energy that it saved: not longer ago, and no smaller a share.
FORGOTTEN_SECONDS: Final = 300.0
FORGOTTEN_SHARE: Final = 0.5
READINGS_THAT_PROVE: Final = 3
# A current session that has risen so often is no glitch.
RISES_THAT_PROVE: Final = 3
# Held readings rise by no more than this from one to the next, where their times are those of a burst.
LARGEST_STEP: Final = JOULES_PER_KWH + SLACK


class Judgement(StrEnum):
    """A decision that could have been wrong. Every value is a `judgement` of the metric that counts them."""

    DIP = "dip"
    RESUMED = "resumed"
    NEW_SESSION = "new_session"
    UNANNOUNCED_RESET = "unannounced_reset"
    MERGED = "merged"
    JUMP_COUNTED = "jump_counted"
    JUMP_SET_ASIDE = "jump_set_aside"
    CLOCK_RESET = "clock_reset"
    DOCUMENT_SESSION = "document_session"


class Evidence(IntFlag):
    """What says that a new session may have begun. Another user says so too, reading by reading."""

    NOTHING = 0
    GAP = 1  # events may have been missed: stream or exporter down, other hardware
    DROP = 2  # the charger was disconnected, and may have lost its power
    OFF = 4
    ON = 8  # the switch to ON was seen live
    ENDED = 16  # the document's previous energy is that of the current session


class Action(Enum):
    """What the meter does with a reading."""

    CONTINUE = "continue"  # the same session; its energy becomes the higher of the two
    BEGIN = "begin"  # a new session
    MERGE = "merge"  # the current session was a glitch: the previous one goes on
    HOLD_HIGH = "hold_high"
    HOLD_LOW = "hold_low"
    COUNT_JUMP = "count_jump"
    SET_JUMP_ASIDE = "set_jump_aside"


class EnergyReading(NamedTuple):
    """An energy that a charger reported. `user` is a fingerprint; `watts` is what its power is worth."""

    energy: int
    at: float
    user: int | None = None
    watts: float | None = None


class Held(NamedTuple):
    """A run of readings that are held: either all too high or all too low to be believed."""

    is_high: bool
    first: EnergyReading
    last: EnergyReading
    length: int = 1


class Limits(NamedTuple):
    """The highest power: likely within a session, likely of a new session, and as configured."""

    rise: float
    new_session: float
    hard: float


class Known(NamedTuple):
    """All that a decision looks at, beside the reading."""

    current: RunningSession
    previous: RunningSession | None
    evidence: Evidence
    # What of it has come since the session's last reading. Where nothing has, only a fall can be a new session.
    fresh_evidence: Evidence
    user: int | None
    # Logs of this session have named several users: that another one is named says little.
    users_vary: bool
    switched_on_at: float | None
    # The last reading before a gap, while what follows may be a backlog that was stamped on arrival.
    before_gap: tuple[int, float] | None
    # When the first log after that gap was written.
    after_gap_at: float | None
    held: Held | None
    limits: Limits


class Decision(NamedTuple):
    """What to do with a reading, what was doubtful about it, and what is held afterwards."""

    action: Action
    judgement: Judgement | None = None
    reason: str = ""
    held: Held | None = None


def decide(known: Known, reading: EnergyReading) -> Decision:
    """The decision on a reading that is in order."""
    if reading.energy >= known.current.energy - ROUNDING:
        return _at_or_above(known, reading)
    return _below(known, reading)


class LateMeaning(Enum):
    """What a log means that was written before the current session began."""

    NOTHING = "nothing"
    RAISE_PREVIOUS = "raise_previous"
    BETWEEN = "between"  # a session between the previous and the current one


def decide_late(known: Known, reading: EnergyReading) -> LateMeaning:
    """What a log of a backlog means that arrived after the first log of the current session."""
    current, previous = known.current, known.previous
    # What the current session may have had by then is taken to be its own.
    if previous is None or reading.energy <= current.first_energy + ROUNDING:
        return LateMeaning.NOTHING
    if not previous.read_at < reading.at < current.first_at:
        return LateMeaning.NOTHING
    came_after_a_gap = known.before_gap is not None and known.after_gap_at == current.first_at
    if not came_after_a_gap and reading.at - previous.read_at > SHUFFLED_SECONDS:
        return LateMeaning.NOTHING
    if reading.energy >= previous.energy - ROUNDING:
        possible = _flows(reading.energy - previous.energy, reading.at - previous.changed_at, known.limits.rise)
        return LateMeaning.RAISE_PREVIOUS if possible else LateMeaning.NOTHING
    possible = _flows(reading.energy, reading.at - previous.read_at, known.limits.new_session)
    return LateMeaning.BETWEEN if possible and reading.energy < DIP * previous.energy else LateMeaning.NOTHING


class DocumentMeaning(Enum):
    """What the last energy in the document of a charger that is OFF means."""

    NOTHING = "nothing"
    RAISE = "raise"  # of the current session
    PREVIOUS_SESSION = "previous_session"  # raises that one: the current one was a glitch
    OWN_SESSION = "own_session"  # a session that nobody saw


def decide_document(known: Known, reading: EnergyReading) -> DocumentMeaning:
    """What a document says about the session that ended; `reading.at` is the time of its receipt."""
    current, previous = known.current, known.previous
    own_is_possible = _flows(reading.energy, reading.at - _earliest_start(known, reading), known.limits.new_session)
    differs = abs(reading.energy - current.reported) > SAME_JOULES
    if _is_another_user(known, reading) and differs and own_is_possible:
        return DocumentMeaning.OWN_SESSION
    possible = _same_session_is_possible(known, reading)
    is_glitch = current.rises < RISES_THAT_PROVE and (not possible or not current.reported)
    if previous is not None and is_glitch and reading.energy >= previous.energy and _previous_may_go_on(known, reading):
        return DocumentMeaning.PREVIOUS_SESSION
    return DocumentMeaning.RAISE if possible and reading.energy > current.reported else DocumentMeaning.NOTHING


def _at_or_above(known: Known, reading: EnergyReading) -> Decision:
    same = _same_session_is_possible(known, reading)
    may_be_new = bool(known.fresh_evidence) or (_is_another_user(known, reading) and not known.users_vary)
    new = may_be_new and _new_session_is_possible(known, reading)
    # A session that has delivered energy and was switched on again since is no glitch.
    was_switched_on = bool(known.fresh_evidence & Evidence.ON) and known.current.energy > 0
    may_be_a_glitch = known.current.rises < RISES_THAT_PROVE and not was_switched_on
    if may_be_a_glitch and _previous_may_go_on(known, reading):
        if not same:
            return Decision(Action.MERGE, Judgement.MERGED, "the current session cannot have risen so fast")
        if _current_looks_like_a_glitch(known, reading):
            return Decision(Action.MERGE, Judgement.MERGED, "the previous session fits better")
    if new and _says_new(known, reading):
        return Decision(Action.BEGIN, Judgement.NEW_SESSION, _why_new(known, reading))
    if same and new and _is_doubtful(known, reading):
        return Decision(Action.CONTINUE, Judgement.RESUMED, "the same session, though a new one is possible")
    if same:
        return Decision(Action.CONTINUE)
    if new:
        return Decision(Action.BEGIN, Judgement.NEW_SESSION, "the same session cannot have risen so fast")
    return _held_high(known, reading)


def _below(known: Known, reading: EnergyReading) -> Decision:
    if _new_session_is_possible(known, reading):
        if not _is_dip(known, reading):
            return Decision(Action.BEGIN)
        if _says_new(known, reading):
            return Decision(Action.BEGIN, Judgement.NEW_SESSION, _why_new(known, reading))
    return _held_low(known, reading)


def _held_high(known: Known, reading: EnergyReading) -> Decision:
    held = _run(known.held, reading, is_high=True, hard=known.limits.hard)
    if held.length < READINGS_THAT_PROVE:
        return Decision(Action.HOLD_HIGH, held=held)
    if _previous_may_go_on(known, reading):
        return Decision(Action.MERGE, Judgement.MERGED, "three readings in a row fit the previous session alone")
    began_after = known.previous.read_at if known.previous else known.current.began_at
    counted = reading.energy - known.current.first_energy if not known.previous else reading.energy
    if _flows(counted, reading.at - began_after, known.limits.hard):
        return Decision(Action.COUNT_JUMP, Judgement.JUMP_COUNTED, "three readings in a row agree", held)
    reason = "three readings in a row agree, but the power would be beyond max_power_watts"
    return Decision(Action.SET_JUMP_ASIDE, Judgement.JUMP_SET_ASIDE, reason, held)


def _held_low(known: Known, reading: EnergyReading) -> Decision:
    held = _run(known.held, reading, is_high=False, hard=known.limits.hard)
    proven = held.length >= READINGS_THAT_PROVE and not _is_dip(known, reading)
    if proven and _flows(reading.energy, reading.at - known.current.read_at, known.limits.new_session):
        return Decision(Action.BEGIN, Judgement.UNANNOUNCED_RESET, "three readings in a row agree")
    first_of_run = Judgement.DIP if held.length == 1 else None
    return Decision(Action.HOLD_LOW, first_of_run, "nothing says that a new session has begun", held)


def _is_dip(known: Known, reading: EnergyReading) -> bool:
    """Whether a fall is small, or a charger that lost its power may have forgotten so much."""
    energy = known.current.energy
    if reading.energy >= DIP * energy:
        return True
    if known.fresh_evidence & ~Evidence.DROP or reading.watts is None or _is_another_user(known, reading):
        return False
    return reading.energy >= FORGOTTEN_SHARE * energy and energy - reading.energy <= reading.watts * FORGOTTEN_SECONDS


def _run(held: Held | None, reading: EnergyReading, *, is_high: bool, hard: float) -> Held:
    """The run that a held reading continues or begins. Readings agree that do not fall and do not leap."""
    if held is None or held.is_high is not is_high:
        return Held(is_high, reading, reading)
    rise = reading.energy - held.last.energy
    leaps = is_high and rise > LARGEST_STEP and not _flows(rise, reading.at - held.last.at, hard)
    if rise < -ROUNDING or leaps:
        return Held(is_high, reading, reading)
    return held._replace(last=reading, length=held.length + 1)


def _same_session_is_possible(known: Known, reading: EnergyReading) -> bool:
    current, limit = known.current, known.limits.rise
    if _flows(reading.energy - current.energy, reading.at - current.changed_at, limit):
        return True
    if known.before_gap is None or reading.at - current.read_at > BURST_SECONDS:
        return False
    energy, at = known.before_gap
    return _flows(reading.energy - energy, reading.at - at, limit)


def _new_session_is_possible(known: Known, reading: EnergyReading) -> bool:
    """Whether something says that a session may have begun, and all of the energy can have flowed since."""
    if not known.evidence and not _is_another_user(known, reading):
        return False
    seconds = reading.at - _earliest_start(known, reading)
    if not known.evidence and reading.energy >= known.current.energy - ROUNDING:
        # Users flip: where nothing else speaks for a new session, and the energy does not fall, there is no slack.
        return SLACK < reading.energy <= known.limits.new_session * seconds
    return _flows(reading.energy, seconds, known.limits.new_session)


def _previous_may_go_on(known: Known, reading: EnergyReading) -> bool:
    """Whether the reading continues the previous session, which the current one has not reached yet."""
    previous = known.previous
    if previous is None or known.current.energy >= previous.energy or reading.energy < DIP * previous.energy:
        return False
    return _flows(reading.energy - previous.energy, reading.at - previous.changed_at, known.limits.rise)


def _current_looks_like_a_glitch(known: Known, reading: EnergyReading) -> bool:
    """Whether the reading fits the previous session better, where it could belong to the current one as well."""
    previous, same = known.previous, _expected_same(known, reading)
    if previous is None or reading.energy < previous.energy - ROUNDING:
        return False
    if same is None:
        return not known.current.begun_on & ~(Evidence.GAP | Evidence.DROP)
    return not _is_nearer(reading, same, _expected_merged(known, reading))


def _says_new(known: Known, reading: EnergyReading) -> bool:
    """Where both the same and a new session are possible. Power decides, and where it cannot, another user."""
    same, new = _expected_same(known, reading), _expected_new(known, reading)
    if _is_another_user(known, reading):
        if same is None:
            return reading.energy > known.current.energy / DIP + SLACK
        return not _is_nearer(reading, same, new)
    if known.current.energy > KEPT and abs(reading.energy - known.current.energy) <= ROUNDING:
        return False  # it shows the old energy still
    return bool(known.fresh_evidence & (Evidence.ON | Evidence.ENDED)) and _is_nearer(reading, new, same, MARGIN)


def _is_doubtful(known: Known, reading: EnergyReading) -> bool:
    """Whether it matters that the session may be a new one, and the power does not say that it is the same."""
    never_read = known.current.read_at == 0.0
    if never_read or known.current.energy <= ROUNDING:
        return False
    return not _is_nearer(reading, _expected_same(known, reading), _expected_new(known, reading))


def _why_new(known: Known, reading: EnergyReading) -> str:
    return "another user" if _is_another_user(known, reading) else "the power fits a new session better"


def _is_another_user(known: Known, reading: EnergyReading) -> bool:
    return reading.user is not None and known.user is not None and reading.user != known.user


def _earliest_start(known: Known, reading: EnergyReading) -> float:
    """Before this, no session that begins now can have begun."""
    last, switched_on = known.current.read_at, known.switched_on_at
    if switched_on is not None and known.current.changed_at <= switched_on:
        return switched_on  # the logs since then still show the old energy
    if known.before_gap is not None and reading.at - last <= BURST_SECONDS:
        last = known.before_gap[1]
    return last if switched_on is None else max(last, switched_on)


def _expected_same(known: Known, reading: EnergyReading) -> float | None:
    since = known.current.changed_at
    if known.switched_on_at is not None:
        since = max(since, known.switched_on_at)
    return _expected(known.current.energy, since, reading)


def _expected_new(known: Known, reading: EnergyReading) -> float | None:
    return _expected(0, _earliest_start(known, reading), reading)


def _expected_merged(known: Known, reading: EnergyReading) -> float | None:
    return None if known.previous is None else _expected(known.previous.energy, known.previous.changed_at, reading)


def _expected(energy: int, since: float, reading: EnergyReading) -> float | None:
    return None if reading.watts is None else energy + reading.watts * max(reading.at - since, 0.0)


def _is_nearer(reading: EnergyReading, one: float | None, other: float | None, margin: int = ROUNDING) -> bool:
    """Whether the reading is nearer to `one` than to `other`, by more than the margin."""
    if one is None or other is None:
        return False
    return abs(reading.energy - one) + margin < abs(reading.energy - other)


def _flows(joules: int, seconds: float, watts: float) -> bool:
    """Whether so much energy can flow in so much time."""
    return joules - SLACK <= watts * seconds
