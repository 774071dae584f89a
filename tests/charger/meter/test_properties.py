"""Rules that hold for any sequence of events."""

import os
from typing import Any, Final

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.charger.decision_input import Evidence
from exporter.charger.events import OFF, ON, ChargerDocument, Reading
from exporter.charger.meter import EnergyMeter
from exporter.charger.meter_state import MeterState
from tests.charger.meter.situation import NOON

MAX_POWER_WATTS: Final = 400_000.0
EXAMPLES: Final = int(os.environ.get("TORTURE_EXAMPLES", "200"))

logs = st.tuples(
    st.just("log"),
    st.sampled_from([0, 0.01, 0.02, 0.5, 1, 4.98, 5, 5.01, 5.5, 20, 900, -1, float("nan"), None]),
    st.sampled_from([0.0, 0.0, -10.0, -3600.0, 400.0, None]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([None, 0.0, 7.2, 7200.0]),
)
documents = st.tuples(
    st.just("document"),
    st.sampled_from([None, 0, 0.5, 5, 5.5]),
    st.sampled_from([None, 0, 5]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([ON, OFF, None]),
)
others = st.tuples(st.sampled_from(["on", "off", "gap", "drop", "restart"]))
steps = st.lists(
    st.tuples(st.sampled_from([0.1, 10.0, 60.0, 7200.0]), st.one_of(logs, logs, documents, others)), max_size=40
)


class Applied:
    """A meter to which steps are applied, and the settled sessions that the store would have."""

    def __init__(self) -> None:
        self.meter = EnergyMeter(MAX_POWER_WATTS)
        self.settled = 0
        self.now = NOON

    def apply(self, step: tuple[Any, ...]) -> None:
        meter, now = self.meter, self.now
        match step:
            case ("log", kwh, lag, user, watts):
                log = Reading(
                    session_energy_joules=None if kwh is None else kwh * 3.6e6,
                    created_unix=None if lag is None else now + lag,
                    user=user,
                    power_watts=watts,
                )
                meter.observe(log, now)
            case ("document", kwh, previous, user, status):
                document = ChargerDocument(
                    session_energy_joules=None if kwh is None else kwh * 3.6e6,
                    previous_energy_joules=None if previous is None else previous * 3.6e6,
                    user=user,
                    status=status,
                )
                meter.document(document, now)
            case ("on",):
                meter.switched_on(now)
            case ("off",):
                meter.switched_off(now)
            case ("gap",):
                meter.gap()
            case ("drop",):
                meter.gap(Evidence.DROP)
            case ("restart",):
                self.settled += sum(session.energy_joules for session in meter.list.newly_settled)
                kept = msgspec.msgpack.decode(msgspec.msgpack.encode(meter.state()), type=MeterState)
                assert kept == meter.state()
                self.meter = EnergyMeter(MAX_POWER_WATTS, kept)

    @property
    def listed(self) -> int:
        sessions = (*self.meter.list.newly_settled, *self.meter.list.revisable())
        return self.settled + sum(session.energy_joules for session in sessions)


@settings(max_examples=EXAMPLES, deadline=None)
@given(steps)
def test_the_counter_never_falls_and_equals_the_sum_of_the_sessions(
    steps: list[tuple[float, tuple[Any, ...]]],
) -> None:
    applied = Applied()
    counted, sessions = 0, 0
    for seconds, step in steps:
        applied.now += seconds
        applied.apply(step)
        meter = applied.meter
        total = meter.total_joules or 0
        assert total >= counted
        assert meter.list.sessions >= sessions
        assert meter.list.excess >= 0
        assert total == applied.listed - meter.state().set_aside_joules + meter.list.excess
        counted, sessions = total, meter.list.sessions


plain_sessions = st.lists(st.integers(min_value=15, max_value=120), min_size=1, max_size=5)


@settings(max_examples=EXAMPLES // 4, deadline=None)
@given(plain_sessions, st.sets(st.integers(min_value=0, max_value=600), max_size=8))
def test_in_a_world_without_faults_a_restart_at_any_moment_changes_nothing(
    sessions: list[int], restarts: set[int]
) -> None:
    applied = Applied()
    applied.apply(("document", 0, None, None, OFF))
    moment = 0
    for logs_of_session in sessions:
        applied.now += 900
        applied.apply(("on",))
        for log in range(logs_of_session):
            if moment in restarts:
                applied.apply(("restart",))
            moment += 1
            applied.now += 10
            applied.apply(("log", round(0.02 * log, 2), 0.0, 1, 7200.0))
        applied.now += 3
        applied.apply(("off",))
    assert applied.meter.total_joules == sum(72_000 * (logs_of_session - 1) for logs_of_session in sessions)
    assert applied.meter.list.sessions == len(sessions)
    assert applied.meter.list.excess == 0
