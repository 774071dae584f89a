"""Plays a recording through the decode path of a live stream, and collects the result of each charger."""

from dataclasses import dataclass
from typing import Final

import msgspec

from exporter.charger.account import Account
from exporter.charger.charger import Charger, KeptState, Rules
from exporter.charger.clock import Moment
from exporter.charger.events import Connected, Disconnected, Disconnection, Event
from exporter.charger.recording import CONNECT, DISCONNECT, RESTART, RecordedEvent
from exporter.charger.sessions import Session
from exporter.charger.wire import decode


@dataclass(frozen=True, slots=True)
class ChargerResult:
    """The result of a recording for one charger. `energy_joules` is None before the first document or log."""

    energy_joules: int | None
    excess_joules: int
    set_aside_joules: int
    sessions: tuple[Session, ...]
    status: str
    judgements: dict[str, int]
    rejected: dict[str, int]


class Playback:
    """The chargers of a recording, played event by event."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._chargers: dict[str, _PlayedCharger] = {}

    def play(self, event: RecordedEvent) -> None:
        """Apply one event to its charger."""
        played = self._chargers.get(event.charger)
        if played is None:
            played = self._chargers[event.charger] = _PlayedCharger(event.charger, self._rules, event.at_unix)
        played.play(event)

    def results(self) -> dict[str, ChargerResult]:
        """Return the result of each charger so far, in the order of their first events."""
        return {charger_id: played.result() for charger_id, played in self._chargers.items()}


class _PlayedCharger:
    def __init__(self, charger_id: str, rules: Rules, first_seen_unix: float) -> None:
        self._rules = rules
        # One account per charger, so that the counts of the account are those of the charger.
        self._account: Final = Account(charger_id)
        self._charger = Charger(charger_id, None, self._account, rules, first_seen_unix)
        # The sessions that the store would have on disk.
        self._settled: list[Session] = []

    def play(self, event: RecordedEvent) -> None:
        # A recording has only one clock, which is never set: use it for times and ages.
        at_unix = event.at_unix
        now = Moment(at_unix, at_unix)
        if event.event == RESTART:
            # Encode and decode the state as on disk.
            self._save()
            kept = msgspec.msgpack.decode(msgspec.msgpack.encode(self._charger.kept_state()), type=KeptState)
            self._charger = Charger(event.charger, None, self._account, self._rules, at_unix, kept)
        else:
            self._charger.apply(_event(event), now)

    def _save(self) -> None:
        """Commit, as the store does."""
        state = self._charger.kept_state()
        self._settled += state.sessions
        self._charger.saved(state.meter.totals, state.sessions)

    def result(self) -> ChargerResult:
        self._save()
        charger = self._charger
        return ChargerResult(
            energy_joules=charger.meter.total_joules,
            excess_joules=charger.meter.list.excess,
            set_aside_joules=charger.meter.state().set_aside_joules,
            sessions=(*self._settled, *charger.meter.list.revisable()),
            status=charger.status.value,
            judgements={kind.value: count for kind, count in self._account.energy_judgements.items() if count},
            rejected={reason.value: count for reason, count in self._account.readings_rejected.items() if count},
        )


def _event(recorded: RecordedEvent) -> Event:
    """Return the event that the stream would have delivered."""
    if recorded.event == CONNECT:
        return Connected()
    if recorded.event == DISCONNECT:
        return Disconnected(Disconnection.TRANSPORT)
    return decode(recorded.event, () if recorded.data is None else (recorded.data,))
