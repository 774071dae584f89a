"""A charger's meter as these tests tell it its story: in kWh, as the service does, a log a minute."""

from typing import Final

from exporter.charger.meter import EnergyMeter, Verdict

KWH: Final = 3_600_000
NOON: Final = 1_700_000_000.0
MINUTE: Final = 60.0
HOUR: Final = 3600.0
ALICE, BOB = 1, 2


class Watched:
    """A charger's meter, told of logs a minute apart unless a test says otherwise."""

    def __init__(self, meter: EnergyMeter | None = None, at: float = NOON) -> None:
        self.meter = meter or EnergyMeter(400_000)
        self.at = at

    def log(
        self,
        kwh: float | None,
        *,
        user: int | None = ALICE,
        created: float | None = None,
        after: float = MINUTE,
    ) -> Verdict:
        """A log `after` seconds later, and written when it arrives unless `created` says otherwise."""
        self.at += after
        joules = None if kwh is None else kwh * KWH
        return self.meter.observe(joules, self.at if created is None else created, user, self.at)

    def document(self, kwh: float | None, *, user: int | None = ALICE, is_on: bool = True) -> None:
        self.at += MINUTE
        self.meter.document(None if kwh is None else kwh * KWH, user, is_on=is_on, now_unix=self.at)

    def restart(self, down: float = MINUTE) -> "Watched":
        """The exporter ends and another takes its state over."""
        return Watched(EnergyMeter(400_000, self.meter.state()), self.at + down)

    @property
    def kwh(self) -> float | None:
        joules = self.meter.total_joules
        return None if joules is None else joules / KWH
