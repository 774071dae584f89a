"""The list of sessions agrees with the counter at every commit."""

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from exporter.charger.account import Account
from exporter.charger.charger import Charger, KeptState, Rules
from exporter.charger.clock import Moment
from exporter.charger.events import Connected, Disconnected, Disconnection
from exporter.charger.recording import CONNECT, DISCONNECT, RESTART, RecordedEvent, read_events
from exporter.charger.wire import decode
from exporter.cli.sessions import print_sessions
from exporter.state.period import ALL_TIME
from exporter.state.store import StateStore
from tests.charger.meter.situation import NOON
from tests.charger.meter.test_properties import Applied
from tests.charger.worlds.making import MIXED, WorldName, make

EVENTS_OF_A_COMMIT = 50
SIDE_BY_SIDE = re.compile(r"test: \d+ sessions?, (?:.* = )?(-?[\d.]+) kWh; counter ([\d.]+) kWh")


def charger_of(event: RecordedEvent, kept: KeptState | None) -> Charger:
    return Charger("test", None, Account("test"), Rules(), event.at_unix, kept)


def apply(charger: Charger, event: RecordedEvent) -> None:
    now = Moment(event.at_unix, event.at_unix)
    if event.event == CONNECT:
        charger.apply(Connected(), now)
    elif event.event == DISCONNECT:
        charger.apply(Disconnected(Disconnection.TRANSPORT), now)
    else:
        charger.apply(decode(event.event, () if event.data is None else (event.data,)), now)


def assert_sum_is_counter(folder: Path, state: KeptState) -> str:
    """Return the line of the command that has both."""
    printed: list[str] = []
    print_sessions(folder, (), ALL_TIME, "table", printed.append)
    line = "".join(printed).splitlines()[-1]
    applied = SIDE_BY_SIDE.fullmatch(line)
    assert applied
    assert applied[1] == applied[2] == f"{(state.meter.total_joules or 0) / 3.6e6:.2f}"
    return line


@pytest.mark.parametrize("number", range(8))
def test_the_sessions_in_the_file_add_up_to_the_counter_at_every_commit(tmp_path: Path, number: int) -> None:
    events = list(read_events(make(WorldName("counter", MIXED, number)).lines))
    charger = charger_of(events[0], None)
    with closing(StateStore.open(tmp_path)) as store:
        for place, event in enumerate(events, 1):
            if event.event != RESTART:
                apply(charger, event)
            if event.event == RESTART or place % EVENTS_OF_A_COMMIT == 0 or place == len(events):
                state = charger.kept_state()
                store.commit({"test": state})
                charger.saved(state.meter.totals, state.sessions)
                assert_sum_is_counter(tmp_path, state)
            if event.event == RESTART:
                charger = charger_of(event, store.load()["test"])


EXCESS = [("log", 5.0), ("gap",), ("log", 0.5), ("log", 5.01)]
JUMP_SET_ASIDE = [("log", 0.5), *(("log", kwh) for kwh in (900, 900.01, 900.02))]


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        (EXCESS, "5.01 kWh + 0.49 excess = 5.50 kWh; counter 5.50 kWh"),
        (
            JUMP_SET_ASIDE,
            "900.02 kWh - 899.52 set aside = 0.50 kWh; counter 0.50 kWh",
        ),
    ],
)
def test_excess_and_energy_set_aside_are_part_of_the_sum(tmp_path: Path, steps: list[Any], text: str) -> None:
    applied = Applied()
    for step in steps:
        applied.now += 7200 if step == ("log", 0.5) else 10
        applied.apply((*step, 0.0, None, None) if step[0] == "log" else step)
    with closing(StateStore.open(tmp_path)) as store:
        state = KeptState(applied.meter.state(), NOON, tuple(applied.meter.list.newly_settled))
        store.commit({"test": state})
    assert text in assert_sum_is_counter(tmp_path, state)
