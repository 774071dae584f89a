"""The service of a world: its knowledge at each time, and the payloads that it sends."""

import json
from bisect import bisect_right
from datetime import UTC, datetime
from typing import Any

from tests.charger.worlds.life import Log, Session
from tests.charger.worlds.world import World


def rfc3339(unix: float, *, seconds_only: bool = False) -> str:
    timespec = "seconds" if seconds_only else "milliseconds"
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


class Service:
    """The knowledge of the service from a charger, and its payloads."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._as_text = world.rng.random() < 0.2
        self.statuses = sorted(_statuses(world), key=lambda status: status[0])
        self._arrived = sorted(world.logs, key=lambda log: log.arrives)
        self._arrivals = [log.arrives for log in self._arrived]

    def is_on(self, at: float) -> bool:
        """The last status before `at`."""
        is_on = False
        for time, status in self.statuses:
            if time > at:
                break
            is_on = status == "ON"
        return is_on

    def session(self, at: float) -> Session | None:
        """The running session, or the last."""
        return max(
            (session for session in self._world.sessions if session.begun <= at),
            key=lambda session: session.begun,
            default=None,
        )

    def document(self, at: float) -> tuple[object, Session | None, float | None]:
        """The document that the service sends at `at`; if it is OFF, also its session and the last energy of that."""
        rng, session = self._world.rng, self.session(at)
        is_on = self.is_on(at)
        known = [log for log in self._arrived[: bisect_right(self._arrivals, at)] if log.true_kwh is not None]
        own = [log for log in known if log.session is session]
        sent: float | None = None
        if is_on:
            energy = rng.choice([0.0, *(log.kwh for log in known[-1:]), *(log.kwh for log in known[-20::19][:1])])
        elif session is not None and self._world.document_has_last_energy:
            energy = sent = round(session.kwh(session.ended), 2)
        elif own and rng.random() < 0.6:
            energy, sent = max((log.kwh, log.true_kwh) for log in own if log.true_kwh is not None)
        else:
            energy = 0.0
        if self._world.register_runs_on:
            energy = max((log.kwh for log in known), default=self._world.register_kwh)
        inner: dict[str, Any] = {
            "_id": "c1",
            "status": "ON" if is_on else "OFF",
            "power": 0,
            "energy": energy,
            "prev_energy": max((log.kwh for log in known if log.session is not session), default=0),
            "isActive": True,
            "wifiConnectivity": True,
        }
        if session is not None and session.user is not None:
            inner["currentUser"] = session.user
        return self._payload({"_doc": inner, "energy": energy}), session, None if is_on else sent

    def log(self, log: Log) -> object:
        payload: dict[str, Any] = {
            "deviceId": log.device,
            "voltage": f"{log.volts:.2f}",
            "current": f"{log.watts / log.volts:.2f}",
            "power": f"{log.watts:.2f}",
            "energy": log.kwh,
            "chargerId": "c1",
        }
        if log.created is not None:
            payload["createdAt"] = rfc3339(log.created, seconds_only=log.seconds_only)
        if log.user is not None:
            payload["userId"] = log.user
        if not log.has_power:
            del payload["power"], payload["current"]
        return self._payload(payload)

    def status(self, status: str) -> object:
        return self._payload({"status": status})

    def _payload(self, payload: dict[str, Any]) -> object:
        return json.dumps(payload) if self._as_text else payload


def _statuses(world: World) -> list[tuple[float, str]]:
    """When the service receives ON and OFF: not while the charger is offline, but after it is back, or never."""
    true: list[tuple[float, str]] = []
    rests = {id(session.rest_of) for session in world.sessions if session.rest_of is not None}
    for session in world.sessions:
        if session.rest_of is None:
            true.append((session.begun, "ON"))
        for begin, end in session.switched_off:
            true += [(begin, "OFF"), (end, "ON")]
        if id(session) not in rests:
            true.append((session.ended + 0.5, "OFF"))
    comes_later = {offline: world.rng.random() < 0.5 for offline in world.lost_status}
    heard: list[tuple[float, str]] = []
    for at, status in sorted(true):
        offline = next((span for span in world.lost_status if span[0] <= at < span[1]), None)
        if offline is None:
            heard.append((at, status))
        elif comes_later[offline]:
            heard.append((offline[1] + 0.1, status))
    return heard
