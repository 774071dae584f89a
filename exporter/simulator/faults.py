"""What the real service gets wrong now and then, and a little more: for tests of those who listen.

No fault changes the truth: the totals of a charger are the same with and without.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from exporter.simulator import payloads
from exporter.simulator.charger import Charger, DocumentEnergy, Event

BURST_LOGS = 30
# Right after a connection a fall to 0 could not be told from a new session, by anybody.
TRUE_LOGS_BEFORE_A_BLIP = 2


def resend(charger: Charger, count: int, *, newest_first: bool = False) -> list[Event]:
    """The charger's last logs once more, word for word."""
    logs = list(charger.logs)[-count:]
    if newest_first:
        logs.reverse()
    return [Event("newLog", payloads.new_log(charger.site, log)) for log in logs]


def blip(charger: Charger, now: float) -> list[Event]:
    """One log with energy 0 in mid-session."""
    return [charger.claim(now, 0)] if charger.session else []


def burst(charger: Charger, now: float, count: int = BURST_LOGS) -> list[Event]:
    """Many true logs at once, a millisecond apart."""
    return [charger.log(now) for _ in range(count)] if charger.session else []


# Payloads of a log that nobody can read, or must not believe.
CORRUPT: dict[str, Callable[[dict[str, Any]], Any]] = {
    "truncated": lambda _: '{"deviceId":"veChargePoint',
    "no_json": lambda _: "charger not found",
    "null": lambda _: None,
    "list": lambda log: [log],
    "number": lambda _: 42,
    "negative_energy": lambda log: log | {"energy": -1},
    "huge_energy": lambda log: log | {"energy": 123456.78},
    "energy_text": lambda log: log | {"energy": "NaN"},
    "energy_object": lambda log: log | {"energy": {"kWh": 1}},
}


def corrupt(charger: Charger, now: float, kind: str) -> list[Event]:
    """A log that is broken in the way named."""
    if not charger.session:
        return []
    log = charger.claim(now, charger.session.hundredths)
    return [Event(log.name, CORRUPT[kind](log.payload))]


class FaultInjector:
    """Adds faults to a charger's logs at random, at `rate` faults a log.

    It has random numbers of its own, so that the sessions of a seed are the same with faults and without.
    """

    def __init__(self, rate: float, random: Random) -> None:
        self._rate = rate
        self._random = random

    def after(self, charger: Charger, now: float, logs_on_stream: int) -> list[Event]:
        """The faults that follow a log, the stream having been sent `logs_on_stream` logs."""
        if self._random.random() >= self._rate:
            return []
        choice = self._random.choice(("repeat", "stale", "backwards", "blip", "burst", "corrupt", "document"))
        match choice:
            case "repeat":
                return resend(charger, 1)
            case "stale":
                return resend(charger, 5)
            case "backwards":
                return resend(charger, 5, newest_first=True)
            case "blip":
                return blip(charger, now) if logs_on_stream >= TRUE_LOGS_BEFORE_A_BLIP else []
            case "burst":
                return burst(charger, now)
            case "corrupt":
                return corrupt(charger, now, self._random.choice(list(CORRUPT)))
            case _:
                charger.document_energy = self._random.choice(list(DocumentEnergy))
                return []
