"""What holds for the energy counter whatever a service sends, in whatever order."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from exporter.charger.meter import EnergyMeter, MeterState, Verdict
from tests.charger.meter.watched import KWH, NOON

MAX_POWER_WATTS = 400_000


@dataclass(frozen=True)
class Log:
    energy_joules: float | None
    created_unix: float | None
    user: int | None
    now_unix: float


@dataclass(frozen=True)
class Document:
    energy_joules: float | None
    user: int | None
    is_on: bool
    now_unix: float


@dataclass(frozen=True)
class Off:
    pass


@dataclass(frozen=True)
class Gap:
    pass


@dataclass(frozen=True)
class Restart:
    pass


Step = Log | Document | Off | Gap | Restart

# Few and close values, so that resends, falls and rows of equal readings are common; and any float at all.
energies = st.none() | st.integers(0, 8).map(lambda tenths: tenths * KWH / 10) | st.floats()
times = st.integers(-3, 30).map(lambda ten_seconds: NOON + 10.0 * ten_seconds)
created = st.none() | times | st.floats(allow_nan=False, allow_infinity=False)
users = st.none() | st.integers(1, 2)
steps = st.one_of(
    st.builds(Log, energies, created, users, times),
    st.builds(Document, energies, users, st.booleans(), times),
    st.builds(Off),
    st.builds(Gap),
    st.builds(Restart),
)


def take(meter: EnergyMeter, step: Step) -> EnergyMeter:
    match step:
        case Log(energy, created_unix, user, now):
            meter.observe(energy, created_unix, user, now)
        case Document(energy, user, is_on, now):
            meter.document(energy, user, is_on=is_on, now_unix=now)
        case Off():
            meter.switched_off()
        case Gap():
            meter.gap()
        case Restart():
            return EnergyMeter(MAX_POWER_WATTS, meter.state())
    return meter


@given(st.lists(steps, max_size=40))
def test_the_total_never_falls(story: list[Step]) -> None:
    meter = EnergyMeter(MAX_POWER_WATTS)
    for step in story:
        before = meter.total_joules
        meter = take(meter, step)
        assert before is None or (meter.total_joules is not None and meter.total_joules >= before)


@given(st.lists(steps, max_size=40))
def test_the_sessions_never_become_fewer(story: list[Step]) -> None:
    meter = EnergyMeter(MAX_POWER_WATTS)
    for step in story:
        before = meter.sessions
        meter = take(meter, step)
        assert meter.sessions >= before


@given(st.lists(steps, max_size=40), st.integers(0, 40))
def test_what_is_kept_is_the_whole_of_it(story: list[Step], place: int) -> None:
    """A state that was written and read back is the state that was kept."""
    meter = EnergyMeter(MAX_POWER_WATTS)
    for step in story[:place]:
        meter = take(meter, step)
    state = meter.state()
    assert EnergyMeter(MAX_POWER_WATTS, state).state() == state


@given(st.lists(steps, max_size=20), energies, times, users)
def test_no_reading_adds_more_than_itself(story: list[Step], energy: float | None, at: float, user: int | None) -> None:
    meter = EnergyMeter(MAX_POWER_WATTS)
    for step in story:
        meter = take(meter, step)
    before = meter.total_joules or 0
    meter.observe(energy, at, user, at)
    grown = (meter.total_joules or 0) - before
    assert grown == 0 or (energy is not None and grown <= round(energy))


@given(st.data(), st.lists(st.tuples(st.integers(0, 8), users, st.sampled_from([None, Off(), Gap()])), max_size=15))
def test_logs_sent_again_change_nothing(
    data: st.DataObject, story: list[tuple[int, int | None, Off | Gap | None]]
) -> None:
    """Whichever of the logs so far come again, at whatever moment, as often as the service likes."""
    once, again = EnergyMeter(MAX_POWER_WATTS), EnergyMeter(MAX_POWER_WATTS)
    sent: list[Log] = []
    for place, (tenths, user, event) in enumerate(story):
        at = NOON + 60.0 * place
        sent.append(Log(tenths * KWH / 10, at, user, at))
        for meter in (once, again):
            take(meter, sent[-1])
            if event is not None:
                take(meter, event)
        for resent in data.draw(st.lists(st.sampled_from(sent), max_size=4), label="sent again"):
            verdict = again.observe(resent.energy_joules, resent.created_unix, resent.user, at + 1)
            assert not verdict.in_order
        assert again.state() == once.state()


@given(
    st.lists(st.lists(st.integers(0, 600), min_size=1, max_size=10), min_size=1, max_size=6),
    st.lists(st.integers(0, 60), max_size=6),
)
def test_the_total_is_the_sum_of_the_last_energies_of_all_sessions(sessions: list[list[int]], gaps: list[int]) -> None:
    """Users take turns, so that every boundary can be seen; the stream may fail at any log."""
    meter = EnergyMeter(MAX_POWER_WATTS)
    meter.document(0, None, is_on=False, now_unix=NOON)
    place = 0
    for number, session in enumerate(sessions):
        for hundredths in sorted(session):
            place += 1
            if place in gaps:
                meter.gap()
            at = NOON + 60.0 * place
            assert meter.observe(hundredths * KWH / 100, at, number, at) is Verdict.ACCEPTED
        meter.switched_off()
    assert meter.total_joules == sum(max(session) for session in sessions) * KWH // 100
    assert meter.sessions == len(sessions)


def test_a_new_meter_has_an_empty_state() -> None:
    assert EnergyMeter(MAX_POWER_WATTS).state() == MeterState()
