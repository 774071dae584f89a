"""A veCharge service of our own, for the demo and the tests.

It imports nothing else of the exporter, so that it cannot share the exporter's mistakes.

    async with Simulator(SimulatorOptions(chargers=12, speed=60)) as simulator:
        print(simulator.url, simulator.token, simulator.charger_ids)

As the real service has them:

    /socket.io/?token=Bearer%20...&chargerId=sim-0001      the stream of one charger
    PATCH /api/v1/charger/chargerDesiredState               {"status": "ON" | "OFF", "chargerId": ...}

Its own, without a token, answers in JSON; CHARGER is an id or `all`, parameters are a JSON object in the body:

    GET  /simulator/totals                 per charger: true total (kWh), sessions, status, logs, connected, ...
    GET  /simulator/token                  the token that is accepted
    POST /simulator/token/revoke|restore   refuse every token, or accept the right one again
    POST /simulator/token/rotate           a new token in place of the old one
    POST /simulator/restart                {"seconds": 1}: break every connection, accept none for so long
    POST /simulator/chargers/CHARGER/...
         on, off                           begin, end a session
         offline, online                   lose the Wi-Fi ({"seconds": ...} of simulated time: for so long), regain it
         pause, resume                     nothing happens on its own, no logs either: the totals hold still
         log                               one log now
         drop                              break the transport of the stream
         resend                            {"count": 1, "newest_first": false}: the last logs (12 at most) again
         blip                              a log with energy 0
         burst                             {"count": 30}: so many logs at once
         corrupt                           {"kind": ...}: a log that is broken so; the kinds stand in faults.CORRUPT
         document                          {"energy": "true" | "zero" | "stale"}: what documents claim in mid-session
         send                              {"event": ..., "payload": ...}: any event
"""

from exporter.simulator.options import SimulatorOptions
from exporter.simulator.plan import STEADY, Plan
from exporter.simulator.server import Simulator

__all__ = ["STEADY", "Plan", "Simulator", "SimulatorOptions"]
