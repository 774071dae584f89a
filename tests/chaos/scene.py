"""One charger, watched by the exporter's own fleet through the proxy: what it shows, what it says, what it holds."""

import asyncio
import io
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from exporter.clock import Moment, now
from exporter.config import AccountConfig, ChargerConfig, Config, Transport
from exporter.fleet import Fleet
from exporter.logs import create_log
from exporter.process import ExporterProcess
from exporter.tokens import TokenSource
from tests.chaos.faults import CONNECT_TIMEOUT, Fault
from tests.chaos.proxy import Proxy
from tests.node.service import NodeService
from tests.processes import SECONDS
from tests.stream.watch import Impatient

JOULES_PER_KWH = 3_600_000
TOKEN = "marked.secret.token"
# A reading of the charger's own clock every five minutes: no energy in these tests is implausible.
LOG_EVERY = timedelta(minutes=5)


class Scene:
    """A charger in mid-session, seen through the proxy."""

    def __init__(self, service: NodeService, proxy: Proxy, fault: Fault, charger: str, folder: Path) -> None:
        self.service = service
        self.proxy = proxy
        self.fault = fault
        self.charger = charger
        self.token_file = folder / "token"
        self.token_file.write_text(TOKEN)
        self.transports: tuple[Transport, ...] = ("websocket", "polling")
        self.ca_file: Path | None = None
        self.host = "127.0.0.1"
        # What the machine's clock is off by, in seconds.
        self.clock_offset = 0.0
        self._written = io.StringIO()
        self.fleet = Fleet(
            ExporterProcess("1", "3", "4"), self._clock, create_log("debug", "logfmt", self._written), Impatient()
        )
        self._session_kwh = 0.0
        self._written_at = datetime.now(UTC) - timedelta(hours=2)
        self._told_before = 0
        self._counted_before = 0.0
        # After a reconnection the document is a stale one: only the next log carries the true energy.
        service.document(charger, {"_doc": {"_id": charger, "status": "ON", "energy": 0, "wifiConnectivity": True}})

    async def start(self) -> None:
        """Begins to watch, whatever stands at the service's address."""
        account = AccountConfig(
            name="test",
            token=TokenSource(file=self.token_file),
            chargers=(ChargerConfig(id=self.charger),),
            url=self.proxy.url.replace("127.0.0.1", self.host),
            transports=self.transports,
            connect_timeout_seconds=CONNECT_TIMEOUT,
            ca_file=self.ca_file,
        )
        await self.fleet.reconcile(Config(accounts=(account,)), {})

    @asynccontextmanager
    async def suffering(self, *, from_the_start: bool = False) -> AsyncIterator[None]:
        """The charger charges, the block is its fault, then it is up by itself again and all energy is counted."""
        if not from_the_start:
            await self.start()
            await self.until_up()
            await self.charge(1.0)
        await self._remember()
        yield
        await self.until_up()
        await self.charge(1.5)
        await self._hold_the_secret()

    async def noticed(self) -> None:
        """Returns once metric and log say so; fails if that is later than the row states."""
        fault = self.fault
        assert fault.within is not None

        async def is_noticed() -> bool:
            return await self.value(fault.metric) > self._counted_before and fault.log in self.told()

        await self._until(is_noticed, f"{fault.what}: {fault.metric} and {fault.log!r}", fault.within.seconds)
        lines = [line for line in self.told().splitlines() if fault.log in line]
        counted = int(await self.value(fault.metric) - self._counted_before)
        # What lasts is told at the first time and at every doubling.
        assert len(lines) <= counted.bit_length() + 1, lines
        assert "level=error" not in self.told()

    async def unnoticed(self) -> None:
        """Holds that nothing has been lost or complained of since the fault began."""
        assert "level=warn " not in self.told()
        assert "level=error" not in self.told()
        for metric in ("disconnections", "connect_failures", "decode_errors", "readings_rejected"):
            assert await self.value(f"vecharge_account_{metric}_total") == 0, metric

    async def until_up(self) -> None:
        """Returns once the charger is up."""

        async def is_up() -> bool:
            return await self.value("vecharge_charger_up") == 1

        await self._until(is_up, "the charger is up", SECONDS)

    async def until_counted(self, metric: str, times: float) -> None:
        """Returns once a metric has gone up so far."""

        async def is_counted() -> bool:
            return await self.value(metric) >= times

        await self._until(is_counted, f"{metric} is {times}", SECONDS)

    async def charge(self, kwh: float) -> None:
        """The session goes on by so much; returns once the counter says exactly so."""
        self._session_kwh += kwh
        self.log()
        expected = round(self._session_kwh * JOULES_PER_KWH)

        async def is_counted() -> bool:
            return await self.value("vecharge_charger_energy_joules_total") == expected

        await self._until(is_counted, f"{self._session_kwh} kWh counted", SECONDS)
        assert await self.value("vecharge_charger_sessions_total") == 1

    def log(self) -> None:
        """One log of the running session."""
        self._written_at += LOG_EVERY
        written = self._written_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        values = {"voltage": "230.00", "current": "16.00", "power": "3680.00", "energy": f"{self._session_kwh:.2f}"}
        self.service.emit(self.charger, "newLog", {"chargerId": self.charger, "createdAt": written, **values})

    async def value(self, metric: str) -> float:
        """The sum of the samples that have this name and these labels: `name{label="value"}`."""
        name, _, labels = metric.partition("{")
        wanted = set(re.findall(r'(\w+)="([^"]*)"', labels))
        samples = [s for family in text_string_to_metric_families(await self.page()) for s in family.samples]
        return sum(s.value for s in samples if s.name == name and wanted <= set(s.labels.items()))

    async def page(self) -> str:
        """What a scrape shows; here the disk never fails."""
        dirty = [(charger, charger.kept_state()) for charger in self.fleet.dirty]
        self.fleet.dirty.clear()
        self.fleet.committed(dirty)
        return b"".join(await self.fleet.pieces(openmetrics=False)).decode()

    def told(self) -> str:
        """What the log says since the fault began."""
        return self._written.getvalue()[self._told_before :]

    def _clock(self) -> Moment:
        moment = now()
        return Moment(moment.unix + self.clock_offset, moment.monotonic)

    async def _remember(self) -> None:
        self._told_before = len(self._written.getvalue())
        self._counted_before = await self.value(self.fault.metric) if self.fault.metric else 0.0

    async def _hold_the_secret(self) -> None:
        assert TOKEN not in self._written.getvalue()
        assert TOKEN not in await self.page()

    async def _until(self, condition: Callable[[], Awaitable[bool]], what: str, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while not await condition():
            late = asyncio.get_running_loop().time() >= deadline
            assert not late, f"not within {seconds:g} s: {what}\n{self.told()[-2000:]}"
            await asyncio.sleep(0.01)


def open_files() -> int:
    """How many files this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - links of sockets, not paths
