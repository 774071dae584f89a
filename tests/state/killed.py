"""The files of exporters that were killed: after hours, right after a commit, in a commit."""

import random
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from exporter.charger.charger import KeptState
from exporter.charger.sessions import Session
from exporter.state.state_file import STATE_FILE
from exporter.state.store import StateStore
from tests.state.listed import NOON, session, state_with

CHARGERS = tuple(f"charger-{number:03}" for number in range(40))


PAGE = 16_384
Parts = dict[str, bytes]  # the content of the state file and its journal, by name
Lists = dict[str, tuple[Session, ...]]  # the sessions of each charger


@dataclass(frozen=True)
class Scene:
    """The files of an exporter that was killed, and the allowed results of reading them."""

    parts: Parts
    allowed: tuple[Lists, ...]

    def undoes(self, name: str) -> bool:
        """Whether damage to this part may have no effect: the journal of a commit undoes that to the file."""
        return name != STATE_FILE or len(self.allowed) > 1


def one_more_session(lists: Lists, chargers: Iterable[str]) -> Lists:
    """Return the lists after another session of each of these chargers, some hours later."""
    more = {
        name: (*lists[name], session(len(lists[name]) + 1, NOON + len(lists[name]) * 20_000.0)) for name in chargers
    }
    return lists | more


def commit(store: StateStore, before: Lists, after: Lists) -> None:
    store.commit({name: state_after(after[name], after[name][len(before.get(name, ())) :]) for name in after})


def state_after(sessions: tuple[Session, ...], new: tuple[Session, ...] = ()) -> KeptState:
    return msgspec.structs.replace(state_with(*sessions), sessions=new)


def read_parts(folder: Path) -> Parts:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "state.lock"}


def after_hours(folder: Path) -> Scene:
    """After many commits, some of all chargers and some of a few."""
    rng = random.Random(1)
    lists: Lists = dict.fromkeys(CHARGERS, ())
    with closing(StateStore.open(folder)) as store:
        for _ in range(60):
            before = lists
            lists = one_more_session(lists, rng.sample(CHARGERS, rng.choice((1, 10, len(CHARGERS)))))
            commit(store, before, lists)
        return Scene(read_parts(folder), (lists,))


def right_after_one(folder: Path) -> Scene:
    """Right after the first commit."""
    lists = one_more_session(dict.fromkeys(CHARGERS, ()), CHARGERS)
    with closing(StateStore.open(folder)) as store:
        commit(store, {}, lists)
        return Scene(read_parts(folder), (lists,))


def in_a_commit(folder: Path) -> Scene:
    """In the middle of a commit: the file is half written, and its journal beside it."""
    before: Lists = dict.fromkeys(CHARGERS, ())
    for _ in range(5):
        before = one_more_session(before, CHARGERS)
    after = one_more_session(before, CHARGERS)
    caught: list[Parts] = []
    with closing(StateStore.open(folder)) as store:
        commit(store, {}, before)
        connection = store._connection  # noqa: SLF001 - the commit to catch runs on it
        # With a small cache, pages are written to the file before the commit.
        connection.execute("PRAGMA cache_spill = ON")
        connection.execute("PRAGMA cache_size = 2")
        connection.create_function("catch", 0, lambda: caught.append(read_parts(folder)))
        connection.execute(
            "CREATE TEMP TRIGGER late AFTER INSERT ON sessions WHEN new.charger = 30 BEGIN SELECT catch(); END"
        )
        commit(store, before, after)
    assert caught[0].keys() == {"state.db", "state.db-journal"}
    assert caught[0]["state.db"] != read_parts(folder)["state.db"]
    return Scene(caught[0], (before, after))
