"""Faults of the real service, and a few more, for tests of its clients.

A fault does not change the true totals of a charger.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from exporter.simulator import payloads
from exporter.simulator.charger import Charger, DocumentEnergy, Event

BURST_LOGS = 30
# Right after a connection, a fall to 0 cannot be distinguished from a new session.
TRUE_LOGS_BEFORE_A_BLIP = 2


def resend(charger: Charger, count: int, *, newest_first: bool = False) -> list[Event]:
    """Repeat the charger's last logs."""
    logs = list(charger.logs)[-count:]
    if newest_first:
        logs.reverse()
    return [Event("newLog", payloads.new_log(charger.site, log)) for log in logs]


def blip(charger: Charger, now: float) -> list[Event]:
    """Return a log with energy 0 during a session."""
    return [charger.false_log(now, 0)] if charger.session else []


def dip(charger: Charger, now: float) -> list[Event]:
    """Return a log a little below the last one, as from a meter that restarts with an older saved value."""
    session = charger.session
    return [charger.false_log(now, session.hundredths * 97 // 100)] if session and session.hundredths > 100 else []


def other_user(charger: Charger, now: float) -> list[Event]:
    """Return a log with another user, in a session that has too much energy to be that user's."""
    if not charger.session or charger.session.hundredths <= 100:
        return []
    log = charger.log(now)
    return [Event(log.name, log.payload | {"userId": "sim-user-other"})]


def burst(charger: Charger, now: float, count: int = BURST_LOGS) -> list[Event]:
    """Return many true logs at once, a millisecond apart."""
    return [charger.log(now) for _ in range(count)] if charger.session else []


# Logs that cannot be decoded, or have an impossible energy.
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
    """Return a log that is invalid in the given way."""
    if not charger.session:
        return []
    log = charger.false_log(now, charger.session.hundredths)
    return [Event(log.name, CORRUPT[kind](log.payload))]


# Faults that may follow a log. `FaultInjector` adds corrupt payloads and documents.
_FAULTS: dict[str, Callable[[Charger, float], list[Event]]] = {
    "repeat": lambda charger, _: resend(charger, 1),
    "stale": lambda charger, _: resend(charger, 5),
    "backwards": lambda charger, _: resend(charger, 5, newest_first=True),
    "blip": blip,
    "zeros": lambda charger, now: blip(charger, now) + blip(charger, now),
    "dip": dip,
    "user": other_user,
    "burst": burst,
}


class FaultInjector:
    """Adds faults to a charger's logs at random, at `rate` faults per log.

    It has its own random numbers, so that faults do not change the sessions of a seed.
    """

    def __init__(self, rate: float, random: Random) -> None:
        self._rate = rate
        self._random = random

    def after(self, charger: Charger, now: float, logs_on_stream: int) -> list[Event]:
        """Return the faults that follow a log, after `logs_on_stream` logs on this stream."""
        if self._random.random() >= self._rate:
            return []
        choice = self._random.choice((*_FAULTS, "corrupt", "document"))
        if choice == "corrupt":
            return corrupt(charger, now, self._random.choice(list(CORRUPT)))
        if choice == "document":
            charger.document_energy = self._random.choice(list(DocumentEnergy))
            return []
        if choice in ("blip", "zeros") and logs_on_stream < TRUE_LOGS_BEFORE_A_BLIP:
            return []
        return _FAULTS[choice](charger, now)
