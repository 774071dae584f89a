"""Faults of the charger: pauses, power cuts, and registers with wrong energies.

From reports about chargers (issues of evcc, MicroOcpp and Home Assistant's OCPP integration), not
from the rules of the meter.
"""

import itertools
import math
from dataclasses import replace

from tests.charger.worlds import life
from tests.charger.worlds.life import Log, Session
from tests.charger.worlds.world import Absence, World

# A slip of 0.01 kWh is more than a slip where there is less than this.
LEAST_TO_SLIP = 0.2


def paused(world: World) -> None:
    world.plan.pauses = True


def very_short_sessions(world: World) -> None:
    world.plan.short_sessions = True
    world.plan.sessions += 6


def power_cut(world: World, *, saved: bool) -> None:
    """The mains fail during a session; the register returns with an earlier value, or at 0."""
    rng = world.rng
    for index in [rng.randrange(len(world.sessions))]:
        session = world.sessions[index]
        at = session.begun + (session.ended - session.begun) * rng.uniform(0.2, 0.8)
        seconds = rng.uniform(60, 1200)
        life.interrupt(session, at, seconds)
        life.delay(world.sessions, index + 1, seconds)
        session.silences.append((at, at + seconds))
        if rng.random() < 0.8:
            session.drops.append(at + rng.uniform(5, min(60, seconds)))
        if saved:
            lost = session.kwh(at) - session.kwh(at - rng.uniform(10, 60))
            session.forgotten_kwh, session.forgotten_from = lost, at
            world.slack_kwh += lost
        else:
            _divide(world, index, at, at + seconds)


def _divide(world: World, index: int, ended: float, begun: float) -> None:
    first = world.sessions[index]
    rest = Session(first.user, begun, first.ended, [], rest_of=first)
    rest.flows = [flow for flow in first.flows if flow.begin >= begun]
    rest.silences = [silence for silence in first.silences if silence[0] >= begun]
    rest.switched_off = [off for off in first.switched_off if off[0] >= begun]
    first.flows = [flow for flow in first.flows if flow.begin < begun]
    first.silences = [silence for silence in first.silences if silence[0] < ended]
    first.switched_off = [off for off in first.switched_off if off[0] < ended]
    rest.drops = [drop for drop in first.drops if drop >= begun]
    first.drops = [drop for drop in first.drops if drop < begun]
    first.ended = ended
    world.sessions.insert(index + 1, rest)


def quantised(world: World, kwh: float) -> None:
    """The register shows whole steps of this many kWh."""
    for log in world.logs:
        if log.true_kwh is not None:
            log.kwh = log.true_kwh = round(math.floor(log.true_kwh / kwh + 1e-6) * kwh, 2)


def energy_in_steps(world: World) -> None:
    """The register is read every few minutes only."""
    period = world.rng.uniform(300, 900)
    for run in world.runs():
        shown, read_at = 0.0, run[0].session.begun if run[0].session else run[0].written
        for log in run:
            if log.true_kwh is not None:
                if log.written - read_at >= period:
                    shown, read_at = log.true_kwh, log.written
                log.kwh = log.true_kwh = shown


def never_resets(world: World) -> None:
    """The register continues from session to session: only differences are energy."""
    register = world.register_kwh = round(world.rng.uniform(5, 900), 2)
    for run in world.runs():
        for log in run:
            if log.true_kwh is not None:
                log.kwh = round(register + log.true_kwh, 2)
        register = max(log.kwh for log in run)
    world.register_runs_on = True


def zeros(world: World, count: tuple[int, int], *, gap: bool) -> None:
    """Some logs during a session show 0, perhaps right after a reconnection."""
    for _ in range(world.rng.randint(1, 3)):
        amid = world.log_amid()
        if amid is None:
            return
        run, place = amid
        many = world.rng.randint(*count)
        if gap:
            _reconnect_before(world, run[place])
        for log in run[place : min(place + many, len(run) - 2)]:
            log.kwh, log.true_kwh = 0.0, None


def zeros_before_off(world: World) -> None:
    """The register is reset before the charger sends OFF."""
    for run in world.runs():
        if world.rng.random() < 0.7 and len(run) > 6:
            for log in run[-world.rng.randint(1, 4) :]:
                log.kwh, log.true_kwh, log.watts = 0.0, None, 0.0


def idle_logs(world: World) -> None:
    """The charger continues to write logs after a session, with 0 or the last energy, and no power."""
    rng = world.rng
    for index, run in enumerate(world.runs()):
        last = run[-1]
        until = world.sessions[index + 1].begun if index + 1 < len(world.sessions) else last.written + 600
        shown = rng.choice((0.0, last.kwh))
        at = last.session.ended + rng.uniform(2, 10) if last.session else last.written
        for _ in range(rng.randint(1, 20)):
            at += world.plan.interval
            if at >= until - 1:
                break
            true_kwh = None if shown == 0.0 else last.true_kwh
            world.logs.append(
                replace(last, written=at, created=at, arrives=at + 0.3, kwh=shown, true_kwh=true_kwh, watts=0.0)
            )
    world.logs.sort(key=lambda log: log.written)


def dips(world: World, *, gap: bool) -> None:
    """The register falls by up to some percent, for one to three logs, or until it has caught up."""
    rng = world.rng
    for _ in range(rng.randint(1, 3)):
        amid = world.log_amid()
        if amid is None:
            return
        run, place = amid
        if run[place].kwh < LEAST_TO_SLIP:
            continue
        if gap:
            _reconnect_before(world, run[place])
        slip = max(0.01, run[place].kwh * rng.choice((rng.uniform(0.0005, 0.005), rng.uniform(0.005, 0.08))))
        for log in run[place : min(place + rng.randint(1, 4), len(run) - 1)]:
            log.kwh, log.true_kwh = round(max(0.0, log.kwh - slip), 2), None


def slips(world: World) -> None:
    """The register falls permanently and continues from there: it shows part of the energy twice."""
    amid = world.log_amid()
    if amid is None or amid[0][amid[1]].kwh < LEAST_TO_SLIP:
        return
    run, place = amid
    slip = max(0.01, run[place].kwh * world.rng.uniform(0.0005, 0.03))
    world.slack_kwh += slip
    for log in run[place:]:
        log.kwh = round(max(0.0, log.kwh - slip), 2)
        if log.true_kwh is not None:
            log.true_kwh = round(max(0.0, log.true_kwh - slip), 2)


def first_logs_keep_old_energy(world: World) -> None:
    """The first logs of a session still show the energy of the one before."""
    runs = world.runs()
    for before, run in itertools.pairwise(runs):
        if world.rng.random() < 0.7:
            kept = before[-1].kwh
            for log in run[: min(world.rng.randint(1, 4), len(run) - 1)]:
                log.kwh, log.true_kwh = kept, None


def _reconnect_before(world: World, log: Log) -> None:
    world.absences.append(Absence(log.arrives - world.rng.uniform(2, 4), log.arrives - 1, "outage"))
