"""A scrape: concurrent scrapes share one page, and the page of a large fleet does not block the event loop."""

import asyncio
import gzip
import io
import random
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, cast

import pytest

from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.charger.events import ChargerDocument, Connected
from exporter.charger.process_stats import ExporterProcess
from exporter.config.load import AccountConfig, ChargerConfig, Config
from exporter.config.tokens import TokenSource
from exporter.fleet import Fleet
from exporter.logs import create_log
from exporter.metrics import page as page_module
from exporter.metrics.piece import Piece
from exporter.state.committer import Commit
from exporter.stream.supervisor import ChargerStream
from exporter.web import scrape as scrape_module
from exporter.web.compression import IDENTITY
from exporter.web.scrape import Scrape
from tests.charger.saving import save
from tests.metrics.text import joined, text_of
from tests.processes import SECONDS
from tests.stream.watch import until
from tests.web.turns import turns_during

NOW = Moment(1_700_000_000.0, 1000.0)


class HeldFleet:
    """A fleet that renders its page once `open` is set, and counts its pages."""

    def __init__(self) -> None:
        self.process = ExporterProcess("1.2.3", "3.13.1", "4.6.1")
        self.page = self
        self.made = 0
        self.pieces_made: list[Piece] = []
        self.open = asyncio.Event()

    async def pieces(
        self, *, openmetrics: bool, wait_for_commit: Callable[[Sequence[Piece]], Awaitable[None]]
    ) -> list[Piece]:
        self.made += 1
        await self.open.wait()
        self.pieces_made = [Piece(b"in OpenMetrics\n" if openmetrics else b"in text\n")]
        await wait_for_commit(self.pieces_made)
        return self.pieces_made


class Committed:
    """Commits at once."""

    async def begin(self) -> Commit:
        commit = Commit()
        commit.release()
        return commit


@pytest.fixture
def held() -> HeldFleet:
    return HeldFleet()


@pytest.fixture
def scrape(held: HeldFleet) -> Scrape:
    return Scrape(cast("Fleet", held), cast("Any", Committed()))


async def begun(scrape: Scrape, *, openmetrics: bool = False, encoding: str = IDENTITY) -> "asyncio.Task[list[bytes]]":
    """A scrape that waits for its page after one turn of the loop."""
    task = asyncio.create_task(scrape.page(openmetrics=openmetrics, encoding=encoding))
    await asyncio.sleep(0)
    return task


async def test_concurrent_scrapes_share_a_page(scrape: Scrape, held: HeldFleet) -> None:
    first, second = await begun(scrape), await begun(scrape)
    held.open.set()
    assert (await first)[0] == (await second)[0] == b"in text\n"
    assert (held.made, held.process.scrapes) == (1, 2)


async def test_compressed_and_uncompressed_scrapes_share_a_page(scrape: Scrape, held: HeldFleet) -> None:
    plain, first, second = (
        await begun(scrape),
        await begun(scrape, encoding="gzip"),
        await begun(scrape, encoding="gzip"),
    )
    held.open.set()
    assert gzip.decompress(b"".join(await first)) == b"".join(await plain)
    assert await first is await second
    assert (held.made, held.process.scrapes) == (1, 3)


async def test_a_page_is_rendered_between_the_statements_and_the_end_of_its_commit(held: HeldFleet) -> None:
    class Committing(Committed):
        async def begin(self) -> Commit:
            await asyncio.sleep(0)
            assert held.made == 0
            return commit

    commit = Commit()
    held.open.set()
    page = asyncio.create_task(Scrape(cast("Fleet", held), cast("Any", Committing())).page(openmetrics=False))
    await until(lambda: held.made, "the page")
    assert not page.done()
    commit.release()
    await page


async def test_a_page_is_compressed_while_its_commit_waits_for_the_disk(held: HeldFleet) -> None:
    class Committing(Committed):
        async def begin(self) -> Commit:
            return commit

    commit = Commit()
    held.open.set()
    scrape = Scrape(cast("Fleet", held), cast("Any", Committing()))
    page = asyncio.create_task(scrape.page(openmetrics=False, encoding="gzip"))
    await until(lambda: any(piece.deflated for piece in held.pieces_made), "the compressed page")
    assert not page.done()
    commit.release()
    await page


async def test_a_page_whose_totals_have_been_read_is_not_shared(
    scrape: Scrape, held: HeldFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that was answered meanwhile may have higher totals."""
    compressing, may_end = threading.Event(), threading.Event()

    def compress(_pieces: object, _encoding: str) -> list[bytes]:
        compressing.set()
        may_end.wait(SECONDS)
        return []

    monkeypatch.setattr(scrape_module, "compressed", compress)
    held.open.set()
    first = await begun(scrape, encoding="gzip")
    await until(compressing.is_set, "the compression")
    second = await begun(scrape, encoding="gzip")
    await until(lambda: held.made == 2, "another page")
    may_end.set()
    await asyncio.gather(first, second)


async def test_a_later_scrape_has_its_own_page(scrape: Scrape, held: HeldFleet) -> None:
    held.open.set()
    await scrape.page(openmetrics=False)
    await scrape.page(openmetrics=False)
    assert held.made == 2


async def test_each_format_has_its_own_page(scrape: Scrape, held: HeldFleet) -> None:
    text, openmetrics = await begun(scrape), await begun(scrape, openmetrics=True)
    held.open.set()
    assert ((await text)[0], (await openmetrics)[0]) == (b"in text\n", b"in OpenMetrics\n")


async def test_a_client_that_disconnects_does_not_cancel_the_page(scrape: Scrape, held: HeldFleet) -> None:
    first, second = await begun(scrape), await begun(scrape)
    first.cancel()
    await asyncio.wait({first})
    held.open.set()
    assert (await second)[0] == b"in text\n"


class SilentStream(ChargerStream):
    """A stream without events."""

    async def run(self) -> None:
        await asyncio.Event().wait()


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    log = create_log("error", "logfmt", io.StringIO())
    fleet = Fleet(ExporterProcess("1.2.3", "3.13.1", "4.6.1"), lambda: NOW, log, random.Random(1), SilentStream)
    chargers = tuple(ChargerConfig(id=f"c{number}") for number in range(5))
    account = AccountConfig(name="delhi", url="http://127.0.0.1:9", token=TokenSource(literal="t"), chargers=chargers)
    await fleet.reconcile(Config(accounts=(account,)), {})
    yield fleet
    await fleet.stop()


async def page_during_connection(fleet: Fleet, charger: Charger) -> bytes:
    """A page during whose rendering the charger connects."""

    async def connect() -> None:
        charger.apply(Connected(), NOW)
        save(charger)

    task = asyncio.create_task(connect())
    page = await text_of(fleet.page)
    assert task.done()
    return page


async def test_the_page_of_a_large_fleet_does_not_block_the_event_loop(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "RENDERED_AT_ONCE", 2)
    # The first time takes longer, so fewer are rendered at once.
    monkeypatch.setattr(page_module, "FIRST_RENDERED_AT_ONCE", 1)
    for slices in (5, 3):
        for charger in fleet.chargers:
            charger.apply(Connected(), NOW)
        page, turns = await turns_during(text_of(fleet.page))
        assert turns == slices + 1  # lines are joined in another turn, totals rendered in the last
        assert page.count(b"\nvecharge_charger_up{") == 5


async def test_a_change_before_the_lines_are_joined_is_on_the_page(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "FIRST_RENDERED_AT_ONCE", 5)
    page = await page_during_connection(fleet, fleet.chargers[-1])
    assert b'vecharge_stream_connected{charger_id="c4"} 1.0\n' in page


async def test_a_change_between_two_slices_is_on_the_page_completely(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "FIRST_RENDERED_AT_ONCE", 2)
    page = await page_during_connection(fleet, fleet.chargers[0])
    assert b'vecharge_stream_connected{charger_id="c0"} 1.0\n' in page
    assert b'vecharge_stream_connections_total{charger_id="c0"} 1.0\n' in page


async def test_a_change_during_scrapes_before_and_after_a_reload_is_not_lost(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scrape that began before a reload must not take the changes from the chargers of after it."""
    monkeypatch.setattr(page_module, "FIRST_RENDERED_AT_ONCE", 1)
    before = asyncio.create_task(text_of(fleet.page))
    await asyncio.sleep(0)
    fleet.page.show(fleet.chargers, [])
    after = asyncio.create_task(text_of(fleet.page, openmetrics=True))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # both have rendered their first charger
    fleet.chargers[0].apply(Connected(), NOW)
    await asyncio.gather(before, after)
    assert b'vecharge_stream_connected{charger_id="c0"} 1.0\n' in await text_of(fleet.page)


async def test_a_page_has_the_totals_of_the_commit_that_it_waits_for(fleet: Fleet) -> None:
    charger = fleet.chargers[0]
    charger.apply(ChargerDocument(session_energy_joules=3_600_000.0), NOW)

    async def commit(_ready: Sequence[Piece]) -> None:
        save(charger)

    page = joined(await fleet.page.pieces(openmetrics=False, wait_for_commit=commit))
    assert b'vecharge_charger_energy_joules_total{charger_id="c0"} 3.6e+06\n' in page
