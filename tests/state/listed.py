"""Sessions, and states of chargers with these sessions."""

import msgspec

from exporter.charger.charger import KeptState
from exporter.charger.meter_state import MeterState
from exporter.charger.sessions import KnownBy, Session

DAY = 86_400
# 2024-10-04T12:00:00Z.
NOON = 20_000 * DAY + DAY // 2


def session(number: int, began_unix: float = NOON, energy_joules: int = 36_000) -> Session:
    """A session of an hour."""
    return Session(
        number=number,
        began_unix=began_unix,
        ended_unix=began_unix + 3600.5,
        energy_joules=energy_joules,
        peak_watts=7012.25,
        began_by=KnownBy.STATUS,
        ended_by=KnownBy.DOCUMENT,
        certain=True,
    )


def state_with(*sessions: Session, **meter: object) -> KeptState:
    """The state of a charger with these settled sessions and no other events."""
    joules = sum(each.energy_joules for each in sessions)
    state = MeterState(total_joules=joules, settled_joules=joules, sessions=len(sessions))
    return KeptState(msgspec.structs.replace(state, **meter), 1.0, sessions)
