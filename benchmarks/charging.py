"""A fleet in which every charger charges and shows every metric of the contract, fed without a network."""

import asyncio
import io
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from exporter.charger.changes import Changes
from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.charger.events import Connected, Event, TokenInUse
from exporter.charger.process_stats import ExporterProcess
from exporter.charger.wire import decode
from exporter.config.load import AccountConfig, ChargerConfig, Config
from exporter.config.tokens import TokenSource
from exporter.fleet import Fleet
from exporter.gc_tuning import keep_present_objects
from exporter.logs import Log, create_log
from exporter.stream.supervisor import ChargerStream

START: Final = Moment(1_764_000_000.0, 1_000_000.0)
LOG_SECONDS: Final = 10.0
SECONDS_PER_HOUR: Final = 3600.0

Deliver = Callable[[Event], None]


class ChargingFleet:
    """A Fleet without streams: `log` delivers in their place. Its clock goes on by ten seconds a round of logs."""

    def __init__(
        self,
        size: int,
        *,
        process: ExporterProcess | None = None,
        log: Log | None = None,
        changes: Changes | None = None,
    ) -> None:
        self.now = START
        self._random = random.Random(1)  # noqa: S311 - the same at every run
        self._kwh = [0.0] * size
        self._delivers: list[Deliver] = []
        self._size = size
        chargers = tuple(ChargerConfig(id=f"veChargePoint{n:07d}", name=f"Sector {n}") for n in range(size))
        account = AccountConfig(name="delhi", token=TokenSource(literal="none"), chargers=chargers)
        self._config = Config(accounts=(account,), expose_location=True)
        self.fleet = Fleet(
            process or ExporterProcess("0", "0", "0"),
            lambda: self.now,
            log or create_log("error", "logfmt", io.StringIO()),
            self._random,
            stream=self._stream(),
            changes=changes,
        )

    @property
    def chargers(self) -> list[Charger]:
        """The chargers, in order."""
        return self.fleet.chargers

    async def start(self) -> None:
        """Every charger is connected and has had its document."""
        await self.reload()
        keep_present_objects()  # as app.py does
        await asyncio.sleep(0)  # the streams begin
        assert len(self._delivers) == self._size
        for deliver in self._delivers:
            deliver(TokenInUse(START.unix + 90 * 86_400))
            deliver(Connected())
            deliver(decode("chargerConnected", ({"_doc": self._document()},)))

    async def reload(self) -> None:
        """As a reload of the configuration: nothing that was rendered is kept."""
        await self.fleet.reconcile(self._config, {})

    def log(self, every: int) -> int:
        """Ten seconds later: a log of every nth charger; return their number."""
        tick = Moment(self.now.unix + LOG_SECONDS, self.now.monotonic + LOG_SECONDS)
        places = range(0, self._size, every)
        for place in places:
            kilowatts = self._random.uniform(6.8, 7.4)
            self._kwh[place] += kilowatts * LOG_SECONDS / SECONDS_PER_HOUR
            log = {
                "createdAt": rfc3339(tick.unix - self._random.random()),
                "deviceId": f"device-{place:07d}",
                "voltage": f"{self._random.uniform(225, 235):.2f}",
                "current": f"{self._random.uniform(30, 32):.2f}",
                "power": f"{kilowatts * 1000:.2f}",
                "energy": round(self._kwh[place], 2),
                "userId": "somebody",
            }
            self.now = Moment(tick.unix + self._random.random(), tick.monotonic)
            self._delivers[place](decode("newLog", (log,)))
        self.now = Moment(tick.unix + 1.0, tick.monotonic)
        return len(places)

    def _stream(self) -> type[ChargerStream]:
        delivers = self._delivers

        class Delivering(ChargerStream):
            async def run(self) -> None:
                delivers.append(self._deliver)

        return Delivering

    def _document(self) -> dict[str, Any]:
        return {
            "status": "ON",
            "energy": 0,
            "prev_energy": round(self._random.uniform(1, 60), 2),
            "wifiConnectivity": True,
            "isActive": True,
            "connectedTimestamp": rfc3339(START.unix - 86_400 * self._random.random()),
            "desiredDgStatus": "OFF",
            "reportedDgStatus": "OFF",
            "location": {"coordinates": [77 + self._random.random(), 28 + self._random.random()]},
            "chargerMode": "PUBLIC",
            "operator": "veChargerCommunity",
            "partnerId": "61dc307faf72d17afc57e385",
            "address": "Rohini Sector 22",
            "detail": "Beside the gate",
        }


def rfc3339(unix: float) -> str:
    """As the service writes times."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
