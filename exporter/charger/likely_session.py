"""Which session a reading more likely belongs to, where several are possible: power decides, or another user."""

from typing import Final

from exporter.charger.decision_input import EnergyReading, Known
from exporter.charger.evidence import Evidence
from exporter.charger.possible_sessions import earliest_start, is_another_user
from exporter.charger.tolerances import DIP, JOULES_PER_KWH, ROUNDING, SLACK

# Where the switch to ON was seen, so much is enough to be nearer to a new session: less than a hundredth of a kWh.
MARGIN: Final = 9_000
# Above this, no new session shows the energy of the old one by chance.
KEPT: Final = JOULES_PER_KWH // 2


def says_new(known: Known, reading: EnergyReading) -> bool:
    """Whether the reading more likely belongs to a new session, where the same session is possible too.

    Power decides. Where the power is not known, another user does.
    """
    same, new = _expected_same(known, reading), _expected_new(known, reading)
    if is_another_user(known, reading):
        if same is None:
            return reading.energy > known.current.energy / DIP + SLACK
        return not _is_nearer(reading, same, new)
    if known.current.energy > KEPT and abs(reading.energy - known.current.energy) <= ROUNDING:
        return False  # it shows the old energy still
    return bool(known.fresh_evidence & (Evidence.ON | Evidence.ENDED)) and _is_nearer(reading, new, same, MARGIN)


def why_new(known: Known, reading: EnergyReading) -> str:
    """The reason for a new session, as a log line has it."""
    return "another user" if is_another_user(known, reading) else "the power fits a new session better"


def is_doubtful(known: Known, reading: EnergyReading) -> bool:
    """Whether it matters that the session may be a new one, and the power does not say that it is the same."""
    never_read = known.current.read_at == 0.0
    if never_read or known.current.energy <= ROUNDING:
        return False
    return not _is_nearer(reading, _expected_same(known, reading), _expected_new(known, reading))


def current_looks_like_a_glitch(known: Known, reading: EnergyReading) -> bool:
    """Whether the reading fits the previous session better, where it could belong to the current one as well."""
    previous, same = known.previous, _expected_same(known, reading)
    if previous is None or reading.energy < previous.energy - ROUNDING:
        return False
    if same is None:
        return not known.current.begun_on & ~(Evidence.GAP | Evidence.DROP)
    return not _is_nearer(reading, same, _expected_merged(known, reading))


def _expected_same(known: Known, reading: EnergyReading) -> float | None:
    since = known.current.changed_at
    if known.switched_on_at is not None:
        since = max(since, known.switched_on_at)
    return _expected(known.current.energy, since, reading)


def _expected_new(known: Known, reading: EnergyReading) -> float | None:
    return _expected(0, earliest_start(known, reading), reading)


def _expected_merged(known: Known, reading: EnergyReading) -> float | None:
    return None if known.previous is None else _expected(known.previous.energy, known.previous.changed_at, reading)


def _expected(energy: int, since: float, reading: EnergyReading) -> float | None:
    return None if reading.watts is None else energy + reading.watts * max(reading.at - since, 0.0)


def _is_nearer(reading: EnergyReading, one: float | None, other: float | None, margin: int = ROUNDING) -> bool:
    """Whether the reading is nearer to `one` than to `other`, by more than the margin."""
    if one is None or other is None:
        return False
    return abs(reading.energy - one) + margin < abs(reading.energy - other)
