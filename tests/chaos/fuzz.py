"""Fuzzed frames through the whole path: websocket, Engine.IO, Socket.IO, charger, metrics page."""

import asyncio
import io
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import WSMsgType, web
from prometheus_client.parser import text_string_to_metric_families

from exporter.charger import clock
from exporter.charger.process_stats import ExporterProcess
from exporter.config.load import AccountConfig, ChargerConfig, Config
from exporter.config.tokens import TokenSource
from exporter.fleet import Fleet
from exporter.logs import create_log
from tests.charger.saving import save
from tests.metrics.text import text_of
from tests.stream.script import JOINED, opening
from tests.stream.watch import CHARGER, Impatient, until

FIXTURES = Path(__file__).parents[1] / "fixtures"
BATCH = 100
# An event with an id asks the client to confirm that everything before it was received.
QUESTION, ANSWER = '429["taken in?"]', "439"

# Pieces of the grammar and extreme values that make a valid frame invalid.
PIECES = (
    *("0", "1", "2", "3", "4", "5", "6", "-", "/", ",", "?", "b", '"', "[", "]", "{", "}", ":", "\\", "\x00"),
    *("NaN", "-Infinity", "1e999", "-0.00", "9" * 400, "null", "true", '""', "{}", "[]", "[" * 2_000, '{"a":' * 200),
    *('"_doc":{}', '"energy":"1e308"', '"createdAt":"9999-12-31T23:59:59Z"', '"status":"ON"', '"_id":"another"'),
    *('{"_placeholder":true,"num":0}', '{"_placeholder":true,"num":-7}', "51-", "5999999-", "/other,", "\u2028", "🔌"),
)


def seeds() -> list[str]:
    """Frames as the service sends them."""
    events = [
        [name.split("-")[0].removesuffix(".json"), json.loads((FIXTURES / name).read_text())]
        for name in ("chargerConnected.json", "newLog.json", "statusChanged-on.json", "statusChanged-off.json")
    ]
    texts = [[name, json.dumps(payload)] for name, payload in events]
    others: list[list[object]] = [["error", "Charger already connected to other device"], ["chargerDisconnected"]]
    frames = ["42" + json.dumps(event, separators=(",", ":")) for event in (*events, *texts, *others)]
    return [*frames, '451-["newLog",{"_placeholder":true,"num":0}]', "40", "430[]", "3", "6"]


class Mutator:
    """Generates frames; the same seed gives the same frames."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._seeds = seeds()

    def frame(self) -> str | bytes:
        """A frame that is mostly like one of the service. It rarely ends the connection by its first byte."""
        draw = self._rng.random()
        if draw < 0.05:
            return bytes([4]) + self._rng.randbytes(self._rng.randrange(40))
        frame = self._rng.choice(self._seeds)
        for _ in range(self._rng.choice((0, 1, 1, 2, 5))):
            frame = self._mutated(frame)
        # One in a thousand is a packet of Engine.IO, or a disconnect or refusal of Socket.IO, which end a connection.
        is_message = frame[:1] in ("3", "6") or (frame[:1] == "4" and frame[1:2] in ("0", "2", "3", "5", "6"))
        return frame if is_message or draw > 0.999 else "42" + frame[2:]

    def _mutated(self, frame: str) -> str:
        rng = self._rng
        # After the type of the packet: a frame that is not a message tests little.
        at = rng.randrange(min(1, len(frame)), len(frame) + 1)
        to = min(len(frame), at + rng.choice((0, 1, 1, 3, 30)))
        match rng.randrange(5):
            case 0:
                return frame[:at] + frame[to:]
            case 1:
                return frame[:at] + rng.choice(PIECES) + frame[to:]
            case 2:
                return frame[:at] + chr(rng.choice((rng.randrange(32, 127), rng.randrange(0xD7FF)))) + frame[to:]
            case 3:
                return frame[:to] + frame[at:]
            case _:
                other = rng.choice(self._seeds)
                return frame[:at] + other[rng.randrange(len(other)) :]


class Fuzz:
    """A service that sends only fuzzed frames, and an exporter that is connected to it."""

    def __init__(self, frames: int, seed: int) -> None:
        self.taken = 0
        self._frames = frames
        self._mutator = Mutator(seed)
        self._written = io.StringIO()
        self._fleet = Fleet(
            ExporterProcess("1", "3", "4"), clock.now, create_log("debug", "logfmt", self._written), Impatient()
        )

    async def run(self) -> None:
        """Send this number of frames; raise AssertionError if a rule is broken."""
        loop = asyncio.get_running_loop()
        escaped: list[object] = []
        loop.set_exception_handler(lambda _loop, context: escaped.append(context))
        async with self._served() as url:
            account = AccountConfig(
                name="test",
                token=TokenSource(literal="a.b.c"),
                chargers=(ChargerConfig(id=CHARGER),),
                url=url,
                transports=("websocket",),
            )
            await self._fleet.reconcile(Config(accounts=(account,)), {})
            before = await self._series()
            await until(lambda: self.taken >= self._frames, lambda: f"{self.taken} frames", 60 + self._frames / 1_000)
            after = await self._series()
            await self._fleet.stop()
        assert not escaped, escaped[:3]
        assert "level=error" not in self._written.getvalue()
        self._hold_series(before, after)

    def _hold_series(self, before: set[tuple[str, ...]], after: set[tuple[str, ...]]) -> None:
        """Frames can set labels and gauges, but cannot create undocumented series."""
        assert before <= after
        assert len(after) < 200, sorted(after)
        assert len([name for name, *_ in after if name == "vecharge_charger_info"]) == 1
        labels = {label.partition("=")[0] for _, *rest in after for label in rest}
        of_chargers = {"charger_id", "account", "status", "event", "reason", "report", "judgement", "le"}
        of_the_exporter = {"version", "python_version", "socketio_version", "shard", "total_shards", "code"}
        assert labels <= of_chargers | of_the_exporter
        for _, *rest in after:
            assert f"charger_id={CHARGER}" in rest or not any(label.startswith("charger_id") for label in rest)

    async def _series(self) -> set[tuple[str, ...]]:
        """Name and labels of every series; of info metrics only the name."""
        for charger in self._fleet.chargers:
            save(charger)
        page = (await text_of(self._fleet.page)).decode()
        samples = [s for family in text_string_to_metric_families(page) for s in family.samples]
        assert all(s.value == s.value for s in samples), "NaN"
        return {
            (s.name, *(f"{k}={v}" for k, v in sorted(s.labels.items()) if s.name != "vecharge_charger_info"))
            for s in samples
        }

    @asynccontextmanager
    async def _served(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get("/socket.io/", self._serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(opening())
        await socket.send_str(JOINED)
        try:
            while self.taken < self._frames and await self._batch(socket):
                self.taken += BATCH
                await self._series()
        except ConnectionError:
            pass  # a frame ended the connection: the exporter reconnects
        return socket

    async def _batch(self, socket: web.WebSocketResponse) -> bool:
        """Whether the connection still exists after a batch of frames."""
        for _ in range(BATCH):
            frame = self._mutator.frame()
            await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))
        await socket.send_str(QUESTION)
        async for message in socket:
            if message.type is WSMsgType.TEXT and message.data.startswith(ANSWER):
                return True
        return False
