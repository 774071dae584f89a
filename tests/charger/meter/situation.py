"""What a decision looks at. Energies in kWh, times in seconds after noon.

The peak of the charger is 7.2 kW, so an hour can bring 21.6 kWh to a session, or 10.8 kWh to a new one.
"""

from typing import Final

from exporter.charger.decision_input import EnergyReading, Evidence, Gap, Held, Known, Limits, NewSessionEvidence
from exporter.charger.sessions import RunningSession

NOON: Final = 1_700_000_000.0
LIMITS: Final = Limits(rise=21_600.0, new_session=10_800.0, hard=40_000.0)
ALICE: Final = 1
BOB: Final = 2


def joules(kwh: float) -> int:
    return round(kwh * 3_600_000)


def session(kwh: float, *, read: float = 0.0, changed: float | None = None, rises: int = 9) -> RunningSession:
    """A session of this energy, last read and last changed at these times."""
    changed = read if changed is None else changed
    return RunningSession(joules(kwh), NOON - 3600, NOON + read, NOON + changed, number=1, rises=rises)


def known(
    current: RunningSession,
    previous: RunningSession | None = None,
    *,
    evidence: Evidence = Evidence.NOTHING,
    fresh: Evidence | None = None,
    user: int | None = ALICE,
    users_vary: bool = False,
    switched_on: float | None = None,
    before_gap: tuple[float, float] | None = None,
    after_gap: float | None = None,
    held: Held | None = None,
) -> Known:
    """What the meter knows. The evidence is fresh, if nothing else is said."""
    gap_ended_at = None if after_gap is None else NOON + after_gap
    noted = NewSessionEvidence(
        all=evidence,
        fresh=evidence if fresh is None else fresh,
        gap=None if before_gap is None else Gap(joules(before_gap[0]), NOON + before_gap[1], gap_ended_at),
        user=user,
        users_vary=users_vary,
    )
    return Known(current, previous, noted, None if switched_on is None else NOON + switched_on, held, LIMITS)


def reading(kwh: float, at: float, *, user: int | None = ALICE, watts: float | None = None) -> EnergyReading:
    return EnergyReading(joules(kwh), NOON + at, user, watts)
