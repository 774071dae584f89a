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
class Post:
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
        self.posts = dict(_post(index, options, self.seed, epoch) for index in range(options.chargers))
        self._agenda = [(post.charger.due, charger_id) for charger_id, post in self.posts.items()]
        heapify(self._agenda)

    async def run(self) -> None:
        """Run the chargers until cancelled."""
        while True:
            busy = self._work()
            await asyncio.sleep(0 if busy else TICK_SECONDS)

    def refusal(self, query: Mapping[str, str]) -> str | None:
        """Return why a connection is refused, or None."""
        if not self.tokens.accepts(query.get("token", ""), time.time()):
            return "Authentication error"
        if query.get("chargerId") not in self.posts:
            return "Charger not found"
        return None

    def connected(self, stream: Stream) -> None:
        """Send the document of the charger to a new stream, or disconnect it if the charger has one."""
        post = self.posts[stream.query["chargerId"]]
        if post.stream:
            stream.emit("error", ALREADY_CONNECTED)
            self.streams.disconnect(stream)
            return
        post.stream = stream
        post.logs_on_stream = 0
        self.tell(post, [Event("chargerConnected", post.charger.document())])

    def disconnected(self, stream: Stream) -> None:
        """Forget a stream."""
        post = self.posts[stream.query["chargerId"]]
        if post.stream is stream:
            post.stream = None

    def tell(self, post: Post, events: list[Event]) -> None:
        """Send events to the charger's stream, if there is one."""
        for event in events:
            if post.stream is None:
                return
            post.stream.emit(event.name, self._on_the_wire(post, event))
            if event.name == "newLog":
                post.charger.tally.logs_sent += 1
                post.logs_on_stream += 1
            if event.farewell:
                self.streams.disconnect(post.stream)

    def _on_the_wire(self, post: Post, event: Event) -> Any:
        """The payload as this charger's events carry it. Text is sent as it is."""
        as_text = self._payloads == "text" or (self._payloads == "mixed" and post.charger.site.sends_text)
        return to_json(event.payload) if as_text and not isinstance(event.payload, str) else event.payload

    def catch_up(self, post: Post) -> float:
        """Send all events that are due, plan the next one, and return the simulated time."""
        now = self.clock.now()
        events = post.charger.advance(now)
        logs = sum(event.name == "newLog" for event in events)
        for _ in range(logs):
            events += post.faults.after(post.charger, now, post.logs_on_stream)
        self.tell(post, events)
        self.plan(post)
        return now

    def plan(self, post: Post) -> None:
        """Put the charger's next event on the agenda."""
        if post.charger.due < NEVER:
            heappush(self._agenda, (post.charger.due, post.charger.site.charger_id))

    def _work(self) -> bool:
        for _ in range(BATCH):
            if not self._agenda or self._agenda[0][0] > self.clock.now():
                return False
            due, key = heappop(self._agenda)
            post = self.posts[key]
            # Skip the outdated entry of a charger that was switched by a request.
            if due == post.charger.due:
                self.catch_up(post)
        return True


def _start(speed: float) -> float:
    """Return the start of the simulated clock: a day ago if it is fast, since clients reject times in the future."""
    return time.time() - (SECONDS_PER_DAY if speed > 1 else 0)


def _post(index: int, options: SimulatorOptions, seed: int, epoch: float) -> tuple[str, Post]:
    charger = fleet_charger(index, seed=seed, plan=options.plan, epoch=epoch, log_interval=options.log_interval)
    faults = FaultInjector(options.faults, Random(f"{seed} {index} faults"))  # noqa: S311 - nothing secret
    return charger.site.charger_id, Post(charger, faults)
