"""A meter and the events of its charger. Energies in kWh, times in seconds after noon."""

from typing import Final, NamedTuple, TypedDict, Unpack

import msgspec

from exporter.charger.decision_input import Evidence
from exporter.charger.events import OFF, ChargerDocument, Reading, Status
from exporter.charger.meter import EnergyMeter
from exporter.charger.meter_state import MeterState
from exporter.charger.outcome import Outcome, Verdict
from exporter.charger.sessions import KnownBy
from tests.charger.meter.situation import NOON

KWH: Final = 3_600_000


class Row(NamedTuple):
    """A row of the list of sessions."""

    kwh: float
    began: float
    began_by: KnownBy
    ended: float | None = None
    ended_by: KnownBy | None = None
    certain: bool = True


class More(TypedDict, total=False):
    """What else may be known of a log."""

    user: int | None
    watts: float | None
    received: float


class Metered:
    """A charger whose clock is behind by `delay` seconds. Logs have the charger's time, all else the exporter's."""

    def __init__(self, *, delay: float = 0.0, max_power_watts: float = 40_000.0) -> None:
        self.max_power_watts = max_power_watts
        self.meter = EnergyMeter(max_power_watts)
        self.delay = delay

    def outcome(self, kwh: float | None, at: float, **more: Unpack[More]) -> Outcome:
        now = NOON + more.get("received", at + self.delay)
        log = Reading(
            session_energy_joules=None if kwh is None else kwh * KWH,
            created_unix=NOON + at,
            user=more.get("user"),
            power_watts=more.get("watts"),
        )
        return self.meter.observe(log, now)

    def log(self, kwh: float | None, at: float, **more: Unpack[More]) -> Verdict:
        return self.outcome(kwh, at, **more).verdict

    def document(
        self,
        kwh: float | None,
        at: float,
        status: Status = OFF,
        *,
        user: int | None = None,
        previous: float | None = None,
    ) -> None:
        document = ChargerDocument(
            status=status,
            session_energy_joules=None if kwh is None else kwh * KWH,
            previous_energy_joules=None if previous is None else round(previous * KWH),
            user=user,
        )
        self.meter.document(document, NOON + at)

    def on(self, at: float) -> None:
        self.meter.switched_on(NOON + at)

    def off(self, at: float) -> None:
        self.meter.switched_off(NOON + at)

    def gap(self, kind: Evidence = Evidence.GAP) -> None:
        self.meter.gap(kind)

    def restart(self) -> None:
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(self.meter.state()), type=MeterState)
        self.meter = EnergyMeter(self.max_power_watts, state)

    @property
    def total(self) -> float:
        return round((self.meter.total_joules or 0) / KWH, 3)

    @property
    def rows(self) -> list[Row]:
        return [
            Row(
                round(each.energy_joules / KWH, 3),
                each.began_unix - NOON,
                each.began_by,
                None if each.ended_unix is None else each.ended_unix - NOON,
                each.ended_by,
                each.certain,
            )
            for each in (*self.meter.list.newly_settled, *self.meter.list.revisable())
        ]
