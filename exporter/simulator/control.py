"""The HTTP endpoints: the vendor's switch, and the simulator's own under /simulator/."""

import json
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from exporter.simulator import faults, payloads
from exporter.simulator.charger import NEVER, Charger, DocumentEnergy, Event
from exporter.simulator.service import ServedCharger, Service

SERVICE = web.AppKey("service", Service)
RESTART: web.AppKey[Callable[[float], None]] = web.AppKey("restart")
Parameters = dict[str, Any]


def application(service: Service, restart: Callable[[float], None]) -> web.Application:
    """Return the web application of a service; `restart` closes it for a number of seconds."""
    app = web.Application()
    app[SERVICE] = service
    app[RESTART] = restart
    app.router.add_route("*", "/socket.io/", service.streams.handle_request)
    app.router.add_patch("/api/v1/charger/chargerDesiredState", _desired_state)
    app.router.add_get("/simulator/totals", _totals)
    app.router.add_get("/simulator/sessions", _sessions)
    app.router.add_get("/simulator/token", _token)
    app.router.add_post("/simulator/token/{action}", _change_token)
    app.router.add_post("/simulator/restart", _restart)
    app.router.add_post("/simulator/chargers/{charger}/drop", _drop)
    app.router.add_post("/simulator/chargers/{charger}/{action}", _act)
    return app


async def _desired_state(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    if not service.tokens.accepts(request.headers.get("Authorization", ""), time.time()):
        return _problem(401, "Authentication error")
    parameters = await _parameters(request)
    status, charger_id = parameters.get("status"), parameters.get("chargerId")
    if status not in ("ON", "OFF"):
        return _problem(400, "status must be ON or OFF")
    served = service.chargers.get(charger_id) if isinstance(charger_id, str) else None
    if served is None:
        return _problem(404, "Charger not found")
    now = service.catch_up(served)
    if not served.charger.wifi:
        return _problem(409, "Charger is off line")
    switch = served.charger.switch_on if status == "ON" else served.charger.switch_off
    service.send(served, switch(now))
    service.catch_up(served)
    return web.json_response({"chargerId": charger_id, "status": status})


async def _totals(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    return web.json_response(
        {
            "time": payloads.timestamp(service.clock.epoch + service.clock.now()),
            "seed": service.seed,
            "chargers": [_total(served) for served in service.chargers.values()],
        }
    )


def _total(served: ServedCharger) -> dict[str, Any]:
    charger = served.charger
    return {
        "id": charger.site.charger_id,
        "total_kwh": payloads.kwh(charger.total_hundredths),
        "sessions": charger.tally.sessions,
        "status": charger.status,
        "wifi": charger.wifi,
        "paused": charger.paused,
        "connected": served.stream is not None,
        "logs": charger.tally.logs,
        "logs_sent": charger.tally.logs_sent,
    }


async def _sessions(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    return web.json_response({name: _session_list(served.charger) for name, served in service.chargers.items()})


def _session_list(charger: Charger) -> list[dict[str, Any]]:
    """Return the sessions that have delivered energy, oldest first; the running one has no end."""
    sessions: list[tuple[float, float, float | None, int]] = [
        (session.began, session.last_log, session.ended, session.hundredths) for session in charger.tally.ended
    ]
    if (running := charger.session) is not None:
        sessions.append((running.began, running.metered_at, None, running.hundredths))
    return [
        {
            "began_unix": charger.epoch + began,
            "last_log_unix": charger.epoch + last_log,
            "ended_unix": None if ended is None else charger.epoch + ended,
            "energy_kwh": payloads.kwh(hundredths),
        }
        for began, last_log, ended, hundredths in sessions
        if hundredths
    ]


async def _token(request: web.Request) -> web.Response:
    return web.json_response({"token": request.app[SERVICE].tokens.token})


async def _change_token(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    match request.match_info["action"]:
        case "revoke":
            service.tokens.accepting = False
        case "restore":
            service.tokens.accepting = True
        case "rotate":
            service.tokens.rotate(time.time())
        case _:
            return _problem(404, "no such action")
    return web.json_response({"token": service.tokens.token})


async def _restart(request: web.Request) -> web.Response:
    seconds = (await _parameters(request)).get("seconds", 1.0)
    if not isinstance(seconds, int | float):
        return _problem(400, "seconds must be a number")
    request.app[RESTART](seconds)
    return web.json_response({})


async def _act(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    name, act = request.match_info["charger"], ACTIONS.get(request.match_info["action"])
    chosen = [served for charger_id, served in service.chargers.items() if name in (charger_id, "all")]
    if not chosen or act is None:
        return _problem(404, "no such charger" if act else "no such action")
    parameters = await _parameters(request)
    for served in chosen:
        now = service.catch_up(served)
        try:
            events = act(served.charger, now, parameters)
        except (KeyError, TypeError, ValueError):
            return _problem(400, "a parameter is missing or wrong")
        service.send(served, events)
        service.catch_up(served)
    return web.json_response({})


async def _drop(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    name = request.match_info["charger"]
    streams = [served.stream for charger_id, served in service.chargers.items() if name in (charger_id, "all")]
    for stream in streams:
        if stream:
            await service.streams.drop(stream)
    return web.json_response({})


def _document(charger: Charger, _now: float, given: Parameters) -> list[Event]:
    charger.document_energy = DocumentEnergy(given["energy"])
    return []


Action = Callable[[Charger, float, Parameters], list[Event]]
ACTIONS: dict[str, Action] = {
    "online": lambda charger, now, _: charger.regain_wifi(now),
    "offline": lambda charger, now, given: charger.lose_wifi(now, seconds=float(given.get("seconds", NEVER))),
    "on": lambda charger, now, _: charger.switch_on(now),
    "off": lambda charger, now, _: charger.switch_off(now),
    "pause": lambda charger, _now, _: charger.pause(),
    "resume": lambda charger, now, _: charger.resume(now),
    "log": lambda charger, now, _: [charger.log(now)] if charger.session else [],
    "resend": lambda charger, _now, given: faults.resend(
        charger, int(given.get("count", 1)), newest_first=bool(given.get("newest_first"))
    ),
    "blip": lambda charger, now, _: faults.blip(charger, now),
    "burst": lambda charger, now, given: faults.burst(charger, now, int(given.get("count", faults.BURST_LOGS))),
    "corrupt": lambda charger, now, given: faults.corrupt(charger, now, given["kind"]),
    "document": _document,
    "send": lambda _charger, _now, given: [Event(given["event"], given["payload"])],
}


async def _parameters(request: web.Request) -> Parameters:
    try:
        parameters = json.loads(await request.read() or b"{}")
    except ValueError:
        parameters = None
    if not isinstance(parameters, dict):
        raise web.HTTPBadRequest(text='{"message": "the body must be a JSON object"}', content_type="application/json")
    return parameters


def _problem(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)
