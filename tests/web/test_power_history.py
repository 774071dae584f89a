"""The power of the last minutes: five of them, a sample every five seconds, in memory of one size."""

import asyncio
import gc
import math
import tracemalloc
from typing import Any

import pytest

from exporter.charger.account import Account
from exporter.charger.charger import Charger, Rules
from exporter.charger.clock import Moment
from exporter.charger.events import Connected
from exporter.charger.wire import decode
from exporter.web import power_history
from exporter.web.power_history import PowerHistory

NOON = 1_700_000_000.0
EVERY = 5.0
MINUTES_KEPT = 5
BYTES_A_CHARGER = 500


class Chargers:
    """Chargers that a test moves, and a clock that only `sample` moves."""

    def __init__(self, *charger_ids: str) -> None:
        self.now = Moment(NOON, 1000.0)
        self.all: list[Charger] = []
        self.history = PowerHistory(lambda: self.all, lambda: self.now)
        for charger_id in charger_ids:
            self.add(charger_id)

    def add(self, charger_id: str) -> None:
        self.all.append(Charger(charger_id, None, Account("delhi"), Rules(stale_after_seconds=60.0), NOON))

    def draws(self, charger_id: str, watts: float) -> None:
        (charger,) = [charger for charger in self.all if charger.charger_id == charger_id]
        charger.apply(Connected(), self.now)
        charger.apply(decode("newLog", ({"power": f"{watts:.2f}"},)), self.now)

    async def sample(self, times: int = 1) -> None:
        for _ in range(times):
            self.now = Moment(self.now.unix + EVERY, self.now.monotonic + EVERY)
            await self.history.sample()

    def watts(self, charger_id: str = "one") -> list[float | None]:
        """What was drawn, oldest first; None is not known."""
        samples = self.history.recent(self.now).watts.get(charger_id, ())
        return [None if math.isnan(watts) else watts for watts in samples]


async def test_what_a_scrape_would_have_shown_oldest_first() -> None:
    chargers = Chargers("one", "two")
    for watts in (1000.0, 2000.0, 3000.0):
        chargers.draws("one", watts)
        chargers.draws("two", watts / 2)
        await chargers.sample()
    assert chargers.watts("one") == [1000.0, 2000.0, 3000.0]
    assert chargers.watts("two") == [500.0, 1000.0, 1500.0]
    assert chargers.history.recent(chargers.now).times_unix == [NOON + 5, NOON + 10, NOON + 15]


async def test_before_the_first_sample_there_is_nothing() -> None:
    recent = Chargers("one").history.recent(Moment(NOON, 1000.0))
    assert (recent.times_unix, recent.watts) == ([], {})


async def test_what_is_not_known_is_no_zero() -> None:
    chargers = Chargers("one")
    await chargers.sample()
    chargers.draws("one", 7000.0)
    await chargers.sample(13)
    assert chargers.watts() == [None, *[7000.0] * 12, None], "stale after 60 s"


@pytest.mark.parametrize("samples", range(1, 200, 11))
async def test_five_minutes_are_kept_and_no_more(samples: int) -> None:
    chargers = Chargers("one")
    for number in range(samples):
        chargers.draws("one", float(number))
        await chargers.sample()
    kept = min(samples, int(MINUTES_KEPT * 60 / EVERY))
    assert chargers.watts() == [float(number) for number in range(samples - kept, samples)]


async def test_hours_in_which_the_machine_slept_are_no_line() -> None:
    chargers = Chargers("one")
    chargers.draws("one", 7000.0)
    await chargers.sample(3)
    chargers.now = Moment(chargers.now.unix + 120, chargers.now.monotonic + 120)
    await chargers.sample()
    early = [NOON + 5, NOON + 10, NOON + 15]
    assert chargers.history.recent(chargers.now).times_unix == [*early, NOON + 140]
    chargers.now = Moment(chargers.now.unix + 3600, chargers.now.monotonic + 3600)
    assert chargers.history.recent(chargers.now).times_unix == []
    assert chargers.watts() == []


@pytest.mark.parametrize("hours", [-1, 1])
async def test_setting_the_clock_of_the_machine_moves_no_sample(hours: int) -> None:
    chargers = Chargers("one")
    await chargers.sample(3)
    chargers.now = Moment(chargers.now.unix + hours * 3600, chargers.now.monotonic)
    times = chargers.history.recent(chargers.now).times_unix
    assert [chargers.now.unix - seconds for seconds in times] == [10.0, 5.0, 0.0]


async def test_a_charger_that_comes_later_was_not_known_before_and_one_that_leaves_is_forgotten() -> None:
    chargers = Chargers("one")
    chargers.draws("one", 7000.0)
    await chargers.sample(2)
    chargers.add("two")
    chargers.draws("two", 3000.0)
    await chargers.sample()
    assert chargers.watts("two") == [None, None, 3000.0]
    del chargers.all[0]
    await chargers.sample()
    assert list(chargers.history.recent(chargers.now).watts) == ["two"]


async def test_the_streams_have_their_turn_meanwhile_and_nobody_sees_half_a_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(power_history, "SAMPLED_AT_ONCE", 2)
    chargers = Chargers(*"abcdef")
    for number in range(130):
        chargers.draws("a", float(number))
        chargers.draws("f", float(number))
        sampling = asyncio.create_task(chargers.sample())
        turns = 0
        while not sampling.done():
            turns += 1
            await asyncio.sleep(0)
            assert chargers.watts("a") == chargers.watts("f")
        assert turns >= 3


async def test_memory_is_of_one_size_however_long_it_runs() -> None:
    chargers = Chargers(*map(str, range(2000)))
    tracemalloc.start()
    try:
        await chargers.sample(3)
        sizes: list[Any] = []
        for _ in range(2):
            await chargers.sample(65)
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[0] < len(chargers.all) * BYTES_A_CHARGER
    assert sizes[1] - sizes[0] < len(chargers.all)
