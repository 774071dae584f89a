"""The simulated service: a fleet of chargers, their streams, one scheduler."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from random import Random, SystemRandom
from typing import Any

from exporter.simulator.charger import NEVER, Charger, Event, fleet_charger
from exporter.simulator.clock import SimulatedClock
from exporter.simulator.faults import FaultInjector
from exporter.simulator.options import SimulatorOptions
from exporter.simulator.streams import Stream, StreamServer, to_json
from exporter.simulator.tokens import TokenIssuer

SECONDS_PER_DAY = 86_400
ALREADY_CONNECTED = "Charger already connected to other device"
# The interval of the scheduler, and the number of events before other tasks run.
TICK_SECONDS = 0.01
BATCH = 200


@dataclass(slots=True)
class ServedCharger:
    """A charger and its stream."""

    charger: Charger
    faults: FaultInjector
    stream: Stream | None = None
    # The logs that were sent to this stream.
    logs_on_stream: int = 0


class Service:
    """The service without its HTTP side."""

    def __init__(self, options: SimulatorOptions) -> None:
        epoch = _start(options.speed) if options.start is None else options.start
        self.seed = SystemRandom().getrandbits(32) if options.seed is None else options.seed
        self._payloads = options.payloads
        self.tokens = TokenIssuer(self.seed, time.time())
        self.streams = StreamServer(self)
        self.clock = SimulatedClock(epoch, options.speed)
        self.chargers = dict(_served(index, options, self.seed, epoch) for index in range(options.chargers))
        self._schedule = [(served.charger.due, charger_id) for charger_id, served in self.chargers.items()]
        heapify(self._schedule)

    async def run(self) -> None:
        """Run the chargers until cancelled."""
        while True:
            busy = self._work()
            await asyncio.sleep(0 if busy else TICK_SECONDS)

    def refusal(self, query: Mapping[str, str]) -> str | None:
        """Return why a connection is refused, or None."""
        if not self.tokens.accepts(query.get("token", ""), time.time()):
            return "Authentication error"
        if query.get("chargerId") not in self.chargers:
            return "Charger not found"
        return None

    def connected(self, stream: Stream) -> None:
        """Send the document of the charger to a new stream, or disconnect it if the charger has one."""
        served = self.chargers[stream.query["chargerId"]]
        if served.stream:
            stream.emit("error", ALREADY_CONNECTED)
            self.streams.disconnect(stream)
            return
        served.stream = stream
        served.logs_on_stream = 0
        self.send(served, [Event("chargerConnected", served.charger.document())])

    def disconnected(self, stream: Stream) -> None:
        """Forget a stream."""
        served = self.chargers[stream.query["chargerId"]]
        if served.stream is stream:
            served.stream = None

    def send(self, served: ServedCharger, events: list[Event]) -> None:
        """Send events to the charger's stream, if there is one."""
        for event in events:
            if served.stream is None:
                return
            served.stream.emit(event.name, self._on_the_wire(served, event))
            if event.name == "newLog":
                served.charger.tally.logs_sent += 1
                served.logs_on_stream += 1
            if event.then_disconnect:
                self.streams.disconnect(served.stream)

    def _on_the_wire(self, served: ServedCharger, event: Event) -> Any:
        """Return the payload as JSON text or as an object. Text is sent as it is."""
        as_text = self._payloads == "text" or (self._payloads == "mixed" and served.charger.site.sends_text)
        return to_json(event.payload) if as_text and not isinstance(event.payload, str) else event.payload

    def catch_up(self, served: ServedCharger) -> float:
        """Send all events that are due, schedule the next one, and return the simulated time."""
        now = self.clock.now()
        events = served.charger.advance(now)
        logs = sum(event.name == "newLog" for event in events)
        for _ in range(logs):
            events += served.faults.after(served.charger, now, served.logs_on_stream)
        self.send(served, events)
        self.schedule(served)
        return now

    def schedule(self, served: ServedCharger) -> None:
        """Schedule the charger's next event."""
        if served.charger.due < NEVER:
            heappush(self._schedule, (served.charger.due, served.charger.site.charger_id))

    def _work(self) -> bool:
        for _ in range(BATCH):
            if not self._schedule or self._schedule[0][0] > self.clock.now():
                return False
            due, key = heappop(self._schedule)
            served = self.chargers[key]
            # Skip the outdated entry of a charger that a request has switched.
            if due == served.charger.due:
                self.catch_up(served)
        return True


def _start(speed: float) -> float:
    """Return the start of the simulated clock: a day ago if it is fast, since clients reject times in the future."""
    return time.time() - (SECONDS_PER_DAY if speed > 1 else 0)


def _served(index: int, options: SimulatorOptions, seed: int, epoch: float) -> tuple[str, ServedCharger]:
    charger = fleet_charger(index, seed=seed, plan=options.plan, epoch=epoch, log_interval=options.log_interval)
    faults = FaultInjector(options.faults, Random(f"{seed} {index} faults"))  # noqa: S311 - nothing secret
    return charger.site.charger_id, ServedCharger(charger, faults)
