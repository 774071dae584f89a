"""The page equals that of prometheus-client for the same samples, and its cached lines are never out of date."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.charger.changes import Changes
from exporter.charger.wire import decode
from exporter.metrics.go_float import number, numbers
from exporter.metrics.piece import Piece
from exporter.metrics.render import Exposition
from tests.metrics import oracle
from tests.metrics.client import as_go_writes, parsed
from tests.metrics.fleets import Fleet, Step, fleets, stories, texts
from tests.metrics.text import joined

both_formats = pytest.mark.parametrize("openmetrics", [False, True], ids=["text", "openmetrics"])


def rendered(fleet: Fleet, exposition: Exposition, *, openmetrics: bool) -> bytes:
    return exposition.render(fleet.accounts, fleet.process, fleet.now, openmetrics=openmetrics)


def rendered_afresh(fleet: Fleet, *, openmetrics: bool) -> bytes:
    return rendered(fleet, Exposition(fleet.chargers, Changes()), openmetrics=openmetrics)


@both_formats
@given(fleet=fleets(), story=stories)
def test_a_page_equals_that_of_prometheus_client(openmetrics: bool, fleet: Fleet, story: list[Step]) -> None:
    for step in story:
        fleet.take(step)
    expected = oracle.page(fleet.chargers, fleet.accounts, fleet.process, fleet.now, openmetrics=openmetrics)
    assert rendered_afresh(fleet, openmetrics=openmetrics) == expected


@both_formats
@given(fleet=fleets(), story=stories, scraped_after=st.sets(st.integers(0, 20)))
def test_a_page_with_cached_lines_equals_a_new_one(
    openmetrics: bool, fleet: Fleet, story: list[Step], scraped_after: set[int]
) -> None:
    exposition = Exposition(fleet.chargers, fleet.changes)
    for place, step in enumerate(story):
        fleet.take(step)
        if place in scraped_after:
            # A scrape in one format must not affect the next in the other.
            assert rendered(fleet, exposition, openmetrics=not openmetrics) == rendered_afresh(
                fleet, openmetrics=not openmetrics
            )
    assert rendered(fleet, exposition, openmetrics=openmetrics) == rendered_afresh(fleet, openmetrics=openmetrics)


@given(fleet=fleets(), story=stories)
def test_values_that_depend_on_time_change_without_an_event(fleet: Fleet, story: list[Step]) -> None:
    exposition = Exposition(fleet.chargers, fleet.changes)
    for step in story:
        fleet.take(step)
    rendered(fleet, exposition, openmetrics=False)
    for seconds in (0, 1, 30, 30, 1000):
        fleet.now = fleet.now._replace(monotonic=fleet.now.monotonic + seconds)
        assert rendered(fleet, exposition, openmetrics=False) == rendered_afresh(fleet, openmetrics=False)


@given(fleet=fleets(), story=stories, at_most=st.integers(1, 4))
def test_a_page_rendered_in_slices_equals_one_rendered_at_once(fleet: Fleet, story: list[Step], at_most: int) -> None:
    exposition = Exposition(fleet.chargers, fleet.changes)
    for step in story:
        fleet.take(step)
    slices = -(-len(fleet.chargers) // at_most)
    more = [exposition.refresh(fleet.now, at_most) for _ in range(slices)]
    assert more == [True] * (slices - 1) + [False]
    exposition.refresh_totals(fleet.now)
    pieces = exposition.pieces(fleet.accounts, fleet.process, fleet.now, openmetrics=False)
    assert joined(pieces) == rendered_afresh(fleet, openmetrics=False)


def test_only_metrics_that_have_changed_are_made_again() -> None:
    fleet = Fleet(["a"], ["Rohini"], ("delhi", "pune"))
    exposition = Exposition(fleet.chargers, fleet.changes)

    def pieces_after_a_log_of(watts: int) -> list[Piece]:
        fleet.take(Step(0, 0, decode("newLog", ({"power": watts},))))
        exposition.refresh(fleet.now, at_most=1)
        *of_chargers, _others = exposition.pieces(fleet.accounts, fleet.process, fleet.now, openmetrics=False)
        return of_chargers

    before = pieces_after_a_log_of(watts=7000)
    after = pieces_after_a_log_of(watts=6900)
    made = [new.text.split()[2] for old, new in zip(before, after, strict=True) if new is not old]
    assert made == [b"vecharge_charger_power_watts", b"vecharge_charger_readings_total"]


@given(st.lists(texts, min_size=1, max_size=4, unique=True), texts)
def test_any_label_value_can_be_parsed(charger_ids: list[str], name: str) -> None:
    fleet = Fleet(charger_ids, [name] * len(charger_ids), ("a", "b"))
    page = (rendered_afresh(fleet, openmetrics=True) + oracle.END_MARK).decode()
    families = {family.name: family for family in parsed(page)}
    infos = families["vecharge_charger_info"].samples
    assert [info.labels["charger_id"] for info in infos] == charger_ids
    assert {info.labels["name"] for info in infos} == {name}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_written_as_go_writes_them(value: float) -> None:
    assert number(value) == as_go_writes(value)


finite = st.floats(allow_nan=False, allow_infinity=False)
# A column mostly has values of one kind: readings, joules, timestamps.
alike = st.sampled_from([1.0, 1e-3, 1e3, 1e6, 1e9, 1e15, 1e16]).flatmap(lambda least: st.floats(least, least * 10))


@given(
    st.lists(finite | alike | st.booleans() | st.integers(-(10**20), 10**20))
    | alike.flatmap(lambda value: st.lists(st.floats(value / 2, value * 2)))
)
def test_a_column_of_numbers_is_written_as_its_numbers(values: list[float]) -> None:
    assert numbers(values) == [f"{number(value)}\n" for value in values]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0.0"),
        (True, "1.0"),
        (230.5, "230.5"),
        (-28.7186, "-28.7186"),
        (999_999.5, "999999.5"),
        (1_000_000, "1e+06"),
        (1_641_822_958.347, "1.641822958347e+09"),
        (36_000_000_000, "3.6e+10"),
    ],
)
def test_a_number_is_written_without_loss(value: float, written: str) -> None:
    assert number(value) == written
    assert float(written) == value


@both_formats
def test_a_fleet_without_chargers_has_a_page(openmetrics: bool) -> None:
    fleet = Fleet([], [], ("a", "b"))
    page = rendered_afresh(fleet, openmetrics=openmetrics)
    assert b"vecharge_exporter_build_info" in page
    assert b"vecharge_charger_" not in page


@both_formats
def test_a_histogram_equals_that_of_prometheus_client(openmetrics: bool) -> None:
    fleet = Fleet([], [], ("a", "b"))
    for joules in (1.0, 3.6e6, 5e6, 1e9):
        fleet.accounts[0].session_energy_joules.observe(joules)
    expected = oracle.page(fleet.chargers, fleet.accounts, fleet.process, fleet.now, openmetrics=openmetrics)
    assert rendered_afresh(fleet, openmetrics=openmetrics) == expected
    assert b'vecharge_account_session_energy_joules_count{account="a"} 4.0\n' in expected
