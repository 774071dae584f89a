"""The causes of worlds, and the largest error of each: docs/energy.md has the same table."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from tests.charger.worlds import charging_faults, log_faults, network_faults
from tests.charger.worlds.fault import Fault, Stage


@dataclass(frozen=True, slots=True)
class Bar:
    """What the prototype reached, in percent: energy counted too much and too little, worlds with a wrong number of
    sessions, worlds that count anything too much. None is unknown."""

    over: float
    under: float
    sessions: float | None
    over_worlds: float | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """A row of the table: one or more faults, and the bar."""

    name: str
    faults: tuple[Fault, ...]
    bar: Bar


EXACT: Final = Bar(0, 0, 0)


def _fault(stage: Stage, families: str, apply: Callable[..., None], **options: object) -> Fault:
    return Fault(stage, tuple(families.split()), partial(apply, **options))


def _register(apply: Callable[..., None], **options: object) -> Fault:
    return _fault("register", "register", apply, **options)


def _order(apply: Callable[..., None], **options: object) -> Fault:
    return _fault("link", "order", apply, **options)


def _clock(apply: Callable[..., None], **options: object) -> Fault:
    return _fault("clock", "clock", apply, **options)


def _power(apply: Callable[..., None], **options: object) -> Fault:
    return _fault("fields", "power", apply, **options)


def _zeros(least: int, most: int, *, gap: bool) -> Fault:
    return _fault("display", "zeros", charging_faults.zeros, count=(least, most), gap=gap)


PAUSED = _fault("plan", "plan", charging_faults.paused)
SHORT = _fault("plan", "plan", charging_faults.very_short_sessions)
RESENDS = _order(network_faults.resends)
SHUFFLED = _order(network_faults.shuffled)
RESTARTS = _fault("stream", "absence", network_faults.restarts)
RECONNECTS = _fault("stream", "absence", network_faults.reconnects)
OUTAGES = _fault("stream", "absence", network_faults.outages)
DOWN = _fault("stream", "absence", network_faults.exporter_down_for_hours)
WATCHED_LATE = _fault("stream", "absence", network_faults.watched_from_mid_session)
DOCUMENT = _fault("stream", "document register", network_faults.document_has_last_energy)
NO_CREATED_AT = _clock(log_faults.no_created_at)
FIRST_LOGS = _fault("display", "first register", charging_faults.first_logs_keep_old_energy)
STEPS = _register(charging_faults.energy_in_steps)
SAVED = _fault("life", "cut register", charging_faults.power_cut, saved=True)
FROM_ZERO = _fault("life", "cut register", charging_faults.power_cut, saved=False)
DIPS = _fault("display", "dips", charging_faults.dips, gap=False)
DIPS_AFTER_GAP = _fault("display", "dips", charging_faults.dips, gap=True)
MID_SESSION = _fault("fields", "user", log_faults.another_user_in_mid_session)
FLIP = _fault("fields", "user", log_faults.users_that_flip)

SINGLE: Final = (
    Cause("plain", (), EXACT),
    Cause("paused", (PAUSED,), EXACT),
    Cause("resends", (RESENDS,), EXACT),
    Cause("restarts", (RESTARTS,), EXACT),
    Cause("reconnects", (RECONNECTS,), EXACT),
    Cause("seconds-only clock", (_clock(log_faults.seconds_only),), EXACT),
    Cause("clock drifts", (_clock(log_faults.clock_drifts),), EXACT),
    Cause("half-hour zone", (_clock(log_faults.clock_off_by, seconds=19_800),), EXACT),
    Cause("two minutes ahead", (_clock(log_faults.clock_off_by, seconds=120),), EXACT),
    Cause("some logs without user", (_fault("fields", "user", log_faults.some_logs_without_user),), EXACT),
    Cause("no createdAt", (NO_CREATED_AT,), EXACT),
    Cause("hardware replaced", (_fault("fields", "device", log_faults.hardware_replaced),), EXACT),
    Cause("one zero", (_zeros(1, 1, gap=False),), Bar(0, 0, 2)),
    Cause("two zeros", (_zeros(2, 2, gap=False),), Bar(0, 0, 2)),
    Cause("three to six zeros", (_zeros(3, 6, gap=False),), Bar(0, 0, 2)),
    Cause("one or two zeros after a gap", (_zeros(1, 2, gap=True),), Bar(0, 0, 2)),
    Cause("three to six zeros after a gap", (_zeros(3, 6, gap=True),), Bar(0, 0, 2)),
    Cause("idle logs", (_fault("display", "idle", charging_faults.idle_logs),), Bar(0, 0, 2)),
    Cause("zeros before OFF", (_fault("display", "zeros", charging_faults.zeros_before_off),), Bar(0, 0, 2)),
    Cause("dips", (DIPS,), Bar(0, 0, 3)),
    Cause("dips after a gap", (DIPS_AFTER_GAP,), Bar(0, 0, 3)),
    Cause("slips back for good", (_fault("display", "dips", charging_faults.slips),), Bar(0, 0, 3)),
    Cause("another user in mid-session", (MID_SESSION,), Bar(0.01, 0, 18)),
    Cause("users that flip", (FLIP,), Bar(0.02, 0, 18)),
    Cause("power cut, older energy saved", (SAVED,), Bar(0.1, 0, 50)),
    Cause("power cut, energy starts at 0", (FROM_ZERO,), Bar(0, 0, 87)),
    Cause("first logs keep the old energy", (FIRST_LOGS,), Bar(0, 0.2, 18)),
    Cause("energy in steps of 5 to 15 min", (STEPS,), Bar(0, 0.04, 27)),
    Cause("whole kWh", (_register(charging_faults.quantised, kwh=1.0),), Bar(0, 0.04, 27)),
    Cause(
        "tenths of a kWh",
        (_register(charging_faults.quantised, kwh=0.1),),
        Bar(0, 0.04, 27),
    ),
    Cause("never resets", (_register(charging_faults.never_resets),), Bar(0, 0.04, 27)),
    Cause("document with the last energy", (DOCUMENT,), Bar(0, 0, 2)),
    Cause("the same, with restarts", (DOCUMENT, RESTARTS), Bar(0, 0.1, 5)),
    Cause("shuffled", (SHUFFLED,), Bar(0, 0.04, 3)),
    Cause("backlog in order", (_order(network_faults.backlog, order="in order"),), Bar(0, 0, 15)),
    Cause(
        "backlog stamped on arrival", (_order(network_faults.backlog, order="stamped on arrival"),), Bar(0.05, 0.8, 15)
    ),
    Cause(
        "backlog after the live log",
        (_order(network_faults.backlog, order="after the live log"),),
        Bar(0, 0.7, 15),
    ),
    Cause("clock behind", (_clock(log_faults.clock_off_by, seconds=-7_200),), Bar(0, 0.1, 7)),
    Cause(
        "first document ON, clock a day behind, whole kWh",
        (WATCHED_LATE, _clock(log_faults.clock_off_by, seconds=-86_400), _register(charging_faults.quantised, kwh=1.0)),
        Bar(0, 0.04, 27),
    ),
    Cause("zone breaks", (_clock(log_faults.zone_breaks),), Bar(0, 0.1, 10)),
    Cause("clock resets to 2000", (_clock(log_faults.clock_resets_to_2000),), Bar(0, 0.1, 10)),
    Cause("clock stuck", (_clock(log_faults.clock_stuck),), Bar(0, 0.1, 10)),
    Cause("outages", (OUTAGES,), Bar(0, 0.1, 12)),
    Cause("exporter down for hours", (DOWN,), Bar(0, 0.5, 7)),
    Cause("very short sessions", (SHORT,), Bar(0, 0.02, 15)),
    Cause("no createdAt, and resends", (NO_CREATED_AT, RESENDS), Bar(1.3, 0, 25)),
    Cause("no createdAt, and shuffled", (NO_CREATED_AT, SHUFFLED), Bar(0, 0.5, 25)),
)

ONE_PHASE = _power(log_faults.power_of_one_phase)
KILOWATTS = _power(log_faults.power_in_kilowatts)
NO_POWER = _power(log_faults.power_absent)
NOISY = _power(log_faults.power_noisy)
POWER: Final = (
    Cause("power of one phase of three", (ONE_PHASE,), Bar(0, 0.01, 8)),
    Cause("power in kW", (KILOWATTS,), Bar(0, 0.08, 8)),
    Cause("no power", (NO_POWER,), Bar(0, 0, 8)),
    Cause("noisy power", (NOISY,), Bar(0, 0, 8)),
)


# In each world one of the four.
WRONG_POWER = _power(log_faults.power_wrong)
POWER_AND: Final = (
    Cause("wrong power, users changing", (WRONG_POWER, MID_SESSION), Bar(0.3, 0.5, None)),
    Cause("wrong power, dips", (WRONG_POWER, DIPS_AFTER_GAP), Bar(0.3, 0.5, None)),
    Cause("wrong power, zeros", (WRONG_POWER, _zeros(1, 6, gap=True)), Bar(0.3, 0.5, None)),
    Cause("wrong power, power cuts", (WRONG_POWER, SAVED), Bar(0.3, 0.5, None)),
    Cause("wrong power, pauses", (WRONG_POWER, PAUSED), Bar(0.3, 0.5, None)),
    Cause("wrong power, outages", (WRONG_POWER, OUTAGES), Bar(0.3, 0.5, None)),
    Cause("wrong power, first logs keep the old energy", (WRONG_POWER, FIRST_LOGS), Bar(0.3, 1.4, None)),
    Cause("wrong power, steps", (WRONG_POWER, STEPS), Bar(0.3, 0.7, None)),
    Cause("wrong power, very short sessions", (WRONG_POWER, SHORT), Bar(0.3, 5, None)),
)

EVERY_CAUSE: Final = {cause.name: cause for cause in (*SINGLE, *POWER, *POWER_AND)}
# Two to four causes in one world.
MIXED_BAR: Final = Bar(0.6, 0.3, None, over_worlds=7)
# The list of sessions is compared with the truth, entry by entry, in worlds of these causes.
LISTED: Final = ("plain", "restarts", "paused", "outages", "exporter down for hours", "very short sessions")
