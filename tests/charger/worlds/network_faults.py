"""Faults between charger and service, and between service and exporter."""

from typing import Literal

from tests.charger.worlds.world import Absence, Absent, World


def resends(world: World) -> None:
    """A log that was not acknowledged is sent again, some logs later."""
    late = min(20 * world.plan.interval, 600.0)
    unacknowledged = [log for log in world.logs if world.rng.random() < 0.15]
    world.logs += [log.resent(log.arrives + world.rng.uniform(1, late)) for log in unacknowledged]


def shuffled(world: World) -> None:
    """Logs overtake each other."""
    late = world.plan.interval * world.rng.uniform(1, 4)
    for log in world.logs:
        log.arrives += world.rng.uniform(0, late)


Order = Literal["in order", "stamped on arrival", "after the live log"]


def backlog(world: World, order: Order) -> None:
    """The charger is offline for a while, keeps its logs, and sends them all when it is back."""
    rng = world.rng
    for _ in range(rng.randint(1, 2)):
        begin = rng.choice(world.logs).written
        end = begin + rng.uniform(120, 1500)
        if any(begin < other_end + 60 and other < end + 60 for other, other_end in world.lost_status):
            continue
        kept = [log for log in world.logs if begin <= log.written < end]
        live = [log for log in world.logs if log.written >= end]
        if rng.random() < 0.7:
            world.drops.append(begin + 20)
        world.lost_status.append((begin, end))
        arrives = end + rng.uniform(0, 2)
        if order == "after the live log" and live:
            arrives = live[0].arrives + 0.1
        pause = rng.uniform(0.02, 0.5)
        for log in kept:
            arrives += pause
            log.arrives = arrives
            if order == "stamped on arrival" and log.created is not None:
                log.created = arrives
        for log in live:
            if order != "after the live log" and log.arrives < arrives:
                log.arrives = arrives = arrives + pause


def _absent(world: World, count: tuple[int, int], seconds: tuple[float, float], kind: Absent) -> None:
    """Let the exporter be absent at random times, for this long each."""
    for _ in range(world.rng.randint(*count)):
        begin = world.rng.uniform(world.logs[0].arrives, world.logs[-1].arrives)
        world.absences.append(Absence(begin, begin + world.rng.uniform(*seconds), kind))


def reconnects(world: World) -> None:
    _absent(world, (2, 6), (1, 10), "outage")


def restarts(world: World) -> None:
    _absent(world, (1, 5), (2, 30), "process")


def outages(world: World) -> None:
    _absent(world, (1, 3), (30, 1200), "outage")


def exporter_down_for_hours(world: World) -> None:
    _absent(world, (1, 2), (3600, 6 * 3600), "process")


def watched_from_mid_session(world: World) -> None:
    """The exporter first connects while the charger is charging."""
    (first, *_) = world.runs()
    world.watched_from = first[int(len(first) * world.rng.uniform(0.2, 0.8))].arrives + 0.5


def document_has_last_energy(world: World) -> None:
    world.document_has_last_energy = True
