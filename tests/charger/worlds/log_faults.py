"""Faults of single fields of logs: users, hardware, power, and the clock."""

import math

from tests.charger.worlds import life
from tests.charger.worlds.world import World


def another_user_in_mid_session(world: World) -> None:
    """The user id changes during a session: a card is shown again, or that of the owner takes over."""
    if amid := world.log_amid():
        run, place = amid
        for log in run[place:]:
            log.user = "bob"


def users_that_flip(world: World) -> None:
    """Every log names one of two users."""
    for log in world.logs:
        log.user = world.rng.choice(("alice", "bob"))


def some_logs_without_user(world: World) -> None:
    for log in world.logs:
        if world.rng.random() < 0.3:
            log.user = None


def hardware_replaced(world: World) -> None:
    session = world.rng.choice(world.sessions)
    for log in world.logs:
        if log.session is not None and log.session.begun >= session.begun:
            log.device = "hardware-2"


def power_of_one_phase(world: World) -> None:
    for log in world.logs:
        log.watts /= 3


def power_in_kilowatts(world: World) -> None:
    for log in world.logs:
        log.watts /= 1000


def power_absent(world: World) -> None:
    shown = world.rng.random() < 0.5
    for log in world.logs:
        log.watts, log.has_power = 0.0, shown


def power_noisy(world: World) -> None:
    for log in world.logs:
        log.watts *= max(0.0, world.rng.gauss(1.0, 0.3))


def power_wrong(world: World) -> None:
    """One of the ways to report power wrongly."""
    world.rng.choice((power_of_one_phase, power_in_kilowatts, power_absent, power_noisy))(world)


def no_created_at(world: World) -> None:
    for log in world.logs:
        log.created = None


def seconds_only(world: World) -> None:
    for log in world.logs:
        log.seconds_only = True


def clock_off_by(world: World, seconds: float) -> None:
    for log in world.logs:
        log.created = log.written + seconds


def clock_drifts(world: World) -> None:
    rate = world.rng.uniform(-0.001, 0.001)
    for log in world.logs:
        log.created = life.START + (log.written - life.START) * (1 + rate)


def zone_breaks(world: World) -> None:
    """From one log to the next the clock changes its zone, and perhaps changes back later."""
    rng = world.rng
    begin = rng.choice(world.logs[: len(world.logs) // 2 + 1]).written
    end = begin + rng.choice((1800.0, 7200.0, math.inf))
    shift = rng.choice((-19_800.0, 19_800.0, -3600.0, 3600.0, -28_800.0))
    for log in world.logs:
        log.created = log.written + (shift if begin <= log.written < end else 0.0)


def clock_resets_to_2000(world: World) -> None:
    """After a reboot the clock begins at the year 2000, until the charger requests the time, or permanently."""
    rng = world.rng
    begin = rng.choice(world.logs[: len(world.logs) // 2 + 1]).written
    end = begin + rng.choice((60.0, 900.0, math.inf))
    for log in world.logs:
        if begin <= log.written < end:
            log.created = 946_684_800.0 + log.written - begin


def clock_stuck(world: World) -> None:
    rng = world.rng
    begin = rng.choice(world.logs[: len(world.logs) // 2 + 1]).written
    end = begin + rng.choice((900.0, 7200.0, math.inf))
    for log in world.logs:
        if begin <= log.written < end:
            log.created = begin
