"""Fleets and what may happen to them, made by hypothesis."""

from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import strategies as st

from exporter.charger.account import Account
from exporter.charger.charger import Changes, Charger, Rules
from exporter.charger.clock import Moment
from exporter.charger.events import GARBLED, Connected, ConnectFailed, Disconnected, Disconnection, Event, TokenInUse
from exporter.charger.process_stats import ExporterProcess
from exporter.charger.wire import decode
from exporter.errors import ConnectFailure

NOON = 1_700_000_000.0


@dataclass(frozen=True)
class Commit:
    """The state of the charger is written to disk."""


@dataclass(frozen=True)
class Step:
    """Something happens to the charger at `place`, `seconds` after what happened before."""

    place: int
    seconds: int
    event: Event | Commit


class Fleet:
    """Chargers of two accounts, and a clock that only steps move."""

    def __init__(self, charger_ids: list[str], names: list[str], account_names: tuple[str, str]) -> None:
        self.now = Moment(NOON, 1000.0)
        self.accounts = [Account(name) for name in account_names]
        self.changes = Changes()
        rules = Rules(stale_after_seconds=60, expose_location=True)
        self.chargers = [
            Charger(charger_id, name, self.accounts[place % 2], rules, NOON, changes=self.changes)
            for place, (charger_id, name) in enumerate(zip(charger_ids, names, strict=True))
        ]
        self.process = ExporterProcess("1.2.3", "3.11.7", "4.6.1", reload_success_unix=NOON)

    def take(self, step: Step) -> None:
        self.now = Moment(self.now.unix + step.seconds, self.now.monotonic + step.seconds)
        charger = self.chargers[step.place % len(self.chargers)]
        if isinstance(step.event, Commit):
            charger.saved(charger.kept_state())
        else:
            charger.apply(step.event, self.now)


# Anything that UTF-8 can carry, and often what a format must escape.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.text('"\\\n,{}= #', max_size=8)
numbers = st.floats(0, 1e12) | st.sampled_from([0, 0.1, 230.0, 999_999.5, 1_000_000, 123_456_789.125, 1e16])
statuses = st.sampled_from(["ON", "OFF", None])
instants = st.integers(int(NOON) - 100, int(NOON) + 1000).map(
    lambda unix: datetime.fromtimestamp(unix, UTC).isoformat()
)


def degrees(most: int) -> st.SearchStrategy[float]:
    return st.floats(-most, most)


documents = st.fixed_dictionaries(
    {"status": statuses, "energy": st.sampled_from([0, 0.5, 2.25, None])},
    optional={
        "prev_energy": numbers,
        "wifiConnectivity": st.booleans(),
        "isActive": st.booleans(),
        "connectedTimestamp": instants,
        "desiredDgStatus": statuses,
        "reportedDgStatus": statuses,
        "location": st.fixed_dictionaries({"coordinates": st.tuples(degrees(180), degrees(90)).map(list)}),
        "chargerMode": texts,
        "operator": texts,
        "partnerId": texts,
        "address": texts,
        "detail": texts,
    },
)
logs = st.fixed_dictionaries(
    {"createdAt": instants, "energy": st.sampled_from([0, 0.5, 0.75, 2.25, 3, 900, "abc"])},
    optional={"voltage": numbers, "current": numbers, "power": numbers, "deviceId": texts, "userId": st.just("u")},
)
events: st.SearchStrategy[Event | Commit] = st.one_of(
    documents.map(lambda document: decode("chargerConnected", ({"_doc": document},))),
    logs.map(lambda log: decode("newLog", (log,))),
    statuses.map(lambda status: decode("statusChanged", ({"status": status},))),
    st.sampled_from(["chargerDisconnected", "error", "somethingNew"]).map(lambda name: decode(name, ())),
    st.just(Commit()),
    st.just(Connected()),
    st.just(GARBLED),
    st.sampled_from(Disconnection).map(Disconnected),
    st.sampled_from(ConnectFailure).map(ConnectFailed),
    st.none().map(TokenInUse) | st.floats(0, 4e9).map(TokenInUse),
)
pauses = st.sampled_from([0, 1, 10, 59, 60, 61, 1000])
stories = st.lists(st.builds(Step, st.integers(0, 3), pauses, events), max_size=20)


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    charger_ids = draw(st.lists(texts, min_size=1, max_size=4, unique=True))
    names = draw(st.lists(texts, min_size=len(charger_ids), max_size=len(charger_ids)))
    first, second = draw(st.lists(texts, min_size=2, max_size=2, unique=True))
    return Fleet(charger_ids, names, (first, second))
