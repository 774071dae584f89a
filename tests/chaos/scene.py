"""One charger, watched by the exporter's fleet through the proxy, with its metrics, log and resources."""

import asyncio
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from exporter.charger.clock import Moment, now
from exporter.charger.process_stats import ExporterProcess
from exporter.config.load import AccountConfig, ChargerConfig, Config
from exporter.config.tokens import TokenSource
from exporter.fleet import Fleet
from exporter.logs import create_log
from tests.chaos.faults import CONNECT_TIMEOUT, PATIENT_CONNECT_TIMEOUT, PING_INTERVAL, Fault, Within
from tests.chaos.proxy import Proxy
from tests.charger.saving import save
from tests.metrics.text import text_of
from tests.node.service import NodeService
from tests.processes import SECONDS
from tests.stream.watch import Impatient, until

JOULES_PER_KWH = 3_600_000
TOKEN = "marked.secret.token"
# One reading per five minutes of the charger's clock: no energy in these tests is implausible.
LOG_EVERY = timedelta(minutes=5)
FLOODED_EVERY = timedelta(milliseconds=1)
_LABEL = re.compile(r'\w+="[^"]*"')


class Scene:
    """A charger during a session, watched through the proxy."""

    def __init__(self, service: NodeService, proxy: Proxy, fault: Fault, charger: str, folder: Path) -> None:
        self.service = service
        self.proxy = proxy
        self.fault = fault
        self.charger = charger
        self.folder = folder
        self.token_file = folder / "token"
        self.token_file.write_text(TOKEN)
        self.transports: tuple[str, ...] = ("websocket", "polling")
        self.ca_file: Path | None = None
        self.host = "127.0.0.1"
        # Another action while the detected fault lasts.
        self.meanwhile: Callable[[Scene], Awaitable[None]] | None = None
        # The error of the machine's clock, in seconds.
        self.clock_offset = 0.0
        self._written = io.StringIO()
        self.fleet = Fleet(
            ExporterProcess("1", "3", "4"), self._clock, create_log("debug", "logfmt", self._written), Impatient()
        )
        self._session_kwh = 0.0
        self._written_at = datetime.now(UTC) - timedelta(days=1)
        self._log_before = 0
        self._page_before = ""
        # After a reconnection the document is stale: only the next log has the true energy.
        service.document(charger, {"_doc": {"_id": charger, "status": "ON", "energy": 0, "wifiConnectivity": True}})

    async def start(self) -> None:
        """Start to watch the service's address."""
        is_tested = self.fault.within is Within.CONNECT_TIMEOUT
        account = AccountConfig(
            name="test",
            token=TokenSource(file=self.token_file),
            chargers=(ChargerConfig(id=self.charger),),
            url=self.proxy.url.replace("127.0.0.1", self.host),
            transports=self.transports,
            connect_timeout_seconds=CONNECT_TIMEOUT if is_tested else PATIENT_CONNECT_TIMEOUT,
            ca_file=self.ca_file,
        )
        await self.fleet.reconcile(Config(accounts=(account,)), {})

    async def leave(self) -> None:
        """Stop watching."""
        await self.fleet.reconcile(Config(accounts=()), {})

    @asynccontextmanager
    async def with_fault(self, *, from_the_start: bool = False) -> AsyncIterator[None]:
        """The charger charges, the block causes a fault, then the charger recovers by itself and all energy is counted.

        A scene can have this repeatedly.
        """
        if from_the_start:
            await self.leave()
        else:
            await self.start()
            await self.until_up()
            await self.charge(1.0)
        self._log_before = len(self._written.getvalue())
        self._page_before = await self.page()
        yield
        await self.until_up()
        await self.charge(1.5)
        await self._hold_the_secret()

    async def noticed(self) -> None:
        """Wait until metric and log show the fault; fail if that is later than the row states."""
        fault = self.fault
        assert fault.within is not None

        async def is_noticed() -> bool:
            # The first occurrence is logged; repetitions are logged at powers of two.
            return await self.counted(fault.metric) > 0 and fault.log in self._written.getvalue()

        await self._until(is_noticed, f"{fault.what}: {fault.metric} and {fault.log!r}", fault.within.seconds)
        if self.meanwhile is not None:
            await self.meanwhile(self)
        lines = [line for line in self.log_text().splitlines() if fault.log in line and "level=debug" not in line]
        assert len(lines) <= int(await self.counted(fault.metric)).bit_length() + 1, lines
        assert "level=error" not in self.log_text()

    async def unnoticed(self) -> None:
        """Check that nothing has been lost or logged since the fault began."""
        assert "level=warn " not in self.log_text()
        assert "level=error" not in self.log_text()
        for metric in ("disconnections", "connect_failures", "decode_errors", "readings_rejected"):
            assert await self.counted(f"vecharge_account_{metric}_total") == 0, metric

    async def until_up(self) -> None:
        """Wait until the charger is up."""
        await self.until_shown("vecharge_charger_up")

    async def until_shown(self, metric: str) -> None:
        """Wait until a metric is 1."""

        async def is_shown() -> bool:
            return await self.value(metric) == 1

        await self._until(is_shown, f"{metric} is 1", SECONDS)

    async def until_counted(self, metric: str, times: float, seconds: float = SECONDS) -> None:
        """Wait until a metric has risen by this much since the fault began."""

        async def is_counted() -> bool:
            return await self.counted(metric) >= times

        await self._until(is_counted, f"{metric} has gone up by {times}", seconds)

    async def charge(self, kwh: float) -> None:
        """Add energy to the session; wait until the counter shows exactly this."""
        self._session_kwh += kwh
        expected = round(self._session_kwh * JOULES_PER_KWH)
        loop = asyncio.get_running_loop()
        next_log = loop.time()

        async def is_counted() -> bool:
            # The next log has the energy of one that was lost on a new connection: chargers keep logging.
            nonlocal next_log
            if loop.time() >= next_log:
                next_log = loop.time() + 1.0
                await asyncio.to_thread(self.log)  # other scenes continue
            return await self.value("vecharge_charger_energy_joules_total") == expected

        await self._until(is_counted, f"{self._session_kwh} kWh counted", SECONDS)
        assert await self.value("vecharge_charger_sessions_total") == 1

    async def rest(self) -> None:
        """Wait while only pings arrive: an event between a ping and its pong hides the silence."""
        await asyncio.sleep(2 * PING_INTERVAL)

    def write_in_the_present(self) -> None:
        """Correct the charger's clock, unless its last log is from later: a repeated test has charged before."""
        self._written_at = max(self._written_at, datetime.now(UTC))

    def log(self) -> None:
        """One log of the running session."""
        self.service.emit(self.charger, "newLog", self._next_log(LOG_EVERY))

    def flood(self, logs: int, kwh: float) -> float:
        """Send this number of logs at once with rising energy; return the total in joules."""
        before = self._session_kwh
        payloads = []
        for number in range(1, logs + 1):
            self._session_kwh = before + kwh * number / logs
            payloads.append(self._next_log(FLOODED_EVERY))
        self.service.emit_each(self.charger, "newLog", payloads)
        return round(self._session_kwh * JOULES_PER_KWH)

    def _next_log(self, later: timedelta) -> dict[str, str]:
        self._written_at += later
        written = self._written_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        values = {"voltage": "230.00", "current": "96.00", "power": "22080.00", "energy": f"{self._session_kwh:.2f}"}
        return {"chargerId": self.charger, "createdAt": written, **values}

    async def value(self, metric: str) -> float:
        """The sum of the samples that have this name and these labels: `name{label="value"}`."""
        return _sum(await self.page(), metric)

    async def counted(self, metric: str) -> float:
        """The rise of a metric since the fault began."""
        return await self.value(metric) - _sum(self._page_before, metric)

    async def page(self) -> str:
        """The page of a scrape; the disk never fails here."""
        for charger in self.fleet.chargers:
            save(charger)
        return (await text_of(self.fleet.page)).decode()

    def log_text(self) -> str:
        """The log since the fault began."""
        return self._written.getvalue()[self._log_before :]

    def _clock(self) -> Moment:
        moment = now()
        return Moment(moment.unix + self.clock_offset, moment.monotonic)

    async def _hold_the_secret(self) -> None:
        assert TOKEN not in self._written.getvalue()
        assert TOKEN not in await self.page()

    async def _until(self, condition: Callable[[], Awaitable[bool]], what: str, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while not await condition():
            late = asyncio.get_running_loop().time() >= deadline
            assert not late, f"not within {seconds:g} s: {what}\n{self._written.getvalue()[-4000:]}"
            await asyncio.sleep(0.01)


def _sum(page: str, metric: str) -> float:
    name, _, labels = metric.partition("{")
    wanted = set(_LABEL.findall(labels))
    # A scene reads its page very often: parsing it completely would take most of the time.
    samples = (line for line in page.splitlines() if line.startswith((f"{name}{{", f"{name} ")))
    return sum(float(line.rpartition(" ")[2]) for line in samples if wanted <= set(_LABEL.findall(line)))


@asynccontextmanager
async def staged(service: NodeService, fault: Fault, charger: str, folder: Path) -> AsyncIterator[Scene]:
    """A scene with its own proxy; both end with the block, without open connections."""
    folder.mkdir(exist_ok=True)
    async with Proxy(service.port) as proxy:
        scene = Scene(service, proxy, fault, charger, folder)
        try:
            yield scene
        finally:
            await scene.fleet.stop()
        await until(lambda: proxy.open_connections == 0, "every connection closed")
