"""`run --record.file`: writes the events of the streams to a recording, which `replay` plays."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

from exporter.charger.clock import Moment
from exporter.charger.events import Connected, Disconnected, Event
from exporter.charger.recording import CONNECT, DISCONNECT, RESTART, RecordedEvent, to_line
from exporter.charger.redaction import Redactor
from exporter.daemon_thread import in_daemon_thread
from exporter.errors import cause_of
from exporter.logs import Log, Thinned
from exporter.stream.recording_file import RecordingFile

FLUSH_SECONDS: Final = 2.0
# Limit of the lines in memory while the disk hangs; further lines are dropped.
MAX_PENDING_BYTES: Final = 16 * 1024 * 1024
CLOSE_SECONDS: Final = 1.0


class Recorder:
    """Collects the lines of all streams and writes them to a file. A failure never affects a stream."""

    def __init__(self, file: RecordingFile, clock: Callable[[], Moment], log: Log) -> None:
        self._file = file
        self._clock = clock
        self._log = log
        self._chargers: dict[str, ChargerRecorder] = {}
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._dropped = 0
        self._is_failing = False
        self._thinned = Thinned()
        self._writing: asyncio.Future[None] | None = None

    def charger(self, charger_id: str) -> "ChargerRecorder":
        """Return the recorder of one charger: always the same one."""
        known = self._chargers.get(charger_id)
        if known is None:
            known = self._chargers[charger_id] = ChargerRecorder(charger_id, self._add)
            self._add(charger_id, RESTART)
        return known

    async def run(self) -> None:
        """Write the collected lines at regular intervals until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self._flush()

    async def close(self) -> None:
        """Write the last lines, unless the disk hangs."""
        flushing = asyncio.ensure_future(self._flush())
        await asyncio.wait({flushing}, timeout=CLOSE_SECONDS)
        flushing.cancel()

    def _add(self, charger_id: str, event: str, data: object = None) -> None:
        if self._pending_bytes > MAX_PENDING_BYTES:
            self._dropped += 1
            return
        at = datetime.fromtimestamp(self._clock().unix, UTC)
        line = to_line(RecordedEvent(at, charger_id, event, data))
        self._pending.append(line)
        self._pending_bytes += len(line)

    async def _flush(self) -> None:
        if self._writing is not None and not self._writing.done():
            # `run` was cancelled while its thread was writing. Lines must stay in order.
            await asyncio.wait({self._writing})
        lines, self._pending, self._pending_bytes = self._pending, [], 0
        dropped, self._dropped = self._dropped, 0
        if not lines:
            return
        self._writing = in_daemon_thread(partial(self._file.append, lines))
        await asyncio.wait({self._writing})
        error = self._writing.exception()
        if error is not None:
            self._failed(cause_of(error), len(lines) + dropped)
        elif dropped:
            self._failed("the disk was too slow", dropped)
        elif self._is_failing:
            self._is_failing = False
            self._thinned.reset()
            self._log.info("recording continues")

    def _failed(self, why: str, lost: int) -> None:
        self._is_failing = True
        if times := self._thinned.times_if_due("recording", self._clock().monotonic):
            text = "recording failed and lost its newest lines; free or repair the disk of --record.file"
            self._log.error(text, error=why, lines_lost=lost, times=times)


class ChargerRecorder:
    """Records the stream of one charger."""

    __slots__ = ("_add", "_charger_id", "_redactor")

    def __init__(self, charger_id: str, add: Callable[[str, str, object], None]) -> None:
        self._charger_id = charger_id
        self._add = add
        self._redactor = Redactor(charger_id)

    def connections(self, deliver: Callable[[Event], None]) -> Callable[[Event], None]:
        """Return `deliver`, which from now on also records when the stream connects and when it ends."""

        def record(event: Event) -> None:
            match event:
                case Connected():
                    self._add(self._charger_id, CONNECT, None)
                case Disconnected():
                    self._add(self._charger_id, DISCONNECT, None)
            deliver(event)

        return record

    def received(self, name: object, arguments: tuple[object, ...]) -> None:
        """Record an event of the service without personal data."""
        event, data = self._redactor.redact(name, arguments)
        self._add(self._charger_id, event, data)
