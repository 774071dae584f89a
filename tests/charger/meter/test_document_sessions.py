"""What the energies of documents make of the list of sessions."""

import pytest

from exporter.charger.events import ON
from exporter.charger.sessions import KnownBy
from tests.charger.meter.metered import Metered, Row
from tests.charger.meter.situation import ALICE, BOB

LOG, USER, DOCUMENT = KnownBy.LOG, KnownBy.USER, KnownBy.DOCUMENT


def test_a_first_document_of_a_charger_that_is_on_begins_a_session() -> None:
    charger = Metered()
    charger.document(0.0, 0, ON)
    charger.log(0.5, 60)
    assert charger.rows == [Row(0.5, 0, DOCUMENT)]


def test_a_first_document_of_a_charger_that_is_off_begins_none() -> None:
    charger = Metered()
    charger.document(0.0, 0)
    charger.log(0.5, 3600)
    assert charger.rows == [Row(0.5, 3600, LOG)]


def test_a_session_that_a_document_began_has_the_time_of_the_chargers_clock() -> None:
    charger = Metered(delay=5)
    charger.document(0.4, 3, ON)
    charger.log(0.5, 0)
    assert charger.rows == [Row(0.5, 0, DOCUMENT)]


class TestADocumentOfAnotherUser:
    @pytest.fixture
    def charger(self) -> Metered:
        charger = Metered(delay=5)
        charger.log(1.0, 0, user=ALICE)
        charger.gap()
        charger.document(3.0, 7205, user=BOB)
        return charger

    def test_it_is_an_unseen_session(self, charger: Metered) -> None:
        unseen = Row(3.0, 0, DOCUMENT, 7200, DOCUMENT, certain=False)
        assert charger.rows == [Row(1.0, 0, LOG, 0, DOCUMENT), unseen]

    def test_logs_written_before_it_continue_the_session_before_the_unseen_one(self, charger: Metered) -> None:
        charger.log(1.1, 100, user=ALICE, received=7206)
        charger.log(1.2, 110, user=ALICE, received=7206)
        assert [row.kwh for row in charger.rows] == [1.2]
        charger.log(0.1, 9000, user=ALICE)
        rows = charger.rows
        assert [row.kwh for row in rows] == [1.2, 3.0, 0.1]
        assert (rows[1].began, rows[1].began_by, rows[1].ended) == (110, DOCUMENT, 7200)

    def test_the_unseen_session_is_counted_once_if_its_logs_arrive_later(self, charger: Metered) -> None:
        charger.log(0.1, 3600, user=BOB, received=7206)
        charger.restart()
        charger.log(0.05, 9000, user=BOB)
        assert [row.kwh for row in charger.rows] == [1.0, 3.0, 0.05]

    def test_the_same_user_continues_the_unseen_session(self, charger: Metered) -> None:
        charger.log(3.1, 7300, user=BOB)
        assert [row.kwh for row in charger.rows] == [1.0, 3.1]

    def test_a_log_of_another_user_begins_a_session(self, charger: Metered) -> None:
        charger.log(0.1, 9000, user=ALICE)
        assert charger.rows[-1] == Row(0.1, 9000, USER)


def test_an_unseen_session_is_not_a_glitch_if_the_one_before_had_ended() -> None:
    charger = Metered()
    charger.log(3.0, 0, user=ALICE)
    charger.off(10)
    charger.document(1.0, 7200, user=BOB)
    charger.log(3.1, 10_800, user=BOB)
    assert charger.total == 6.1


def test_a_document_raises_the_session_before_a_glitch() -> None:
    charger = Metered()
    charger.log(5.0, 0)
    charger.gap()
    charger.log(0.0, 60)
    charger.document(5.3, 120)
    assert charger.rows == [Row(5.3, 0, LOG, 0, LOG, certain=False)]


@pytest.mark.parametrize(("at", "total"), [(7195, 1.9), (7194, 2.8)], ids=["after it", "before it"])
def test_a_log_is_compared_with_a_document_by_the_chargers_clock(at: float, total: float) -> None:
    charger = Metered(delay=5)
    charger.log(1.0, 0)
    charger.gap()
    charger.document(1.8, 7200)
    charger.log(0.1, at)
    assert charger.total == total


def test_a_log_below_a_document_whose_backlog_has_arrived_is_of_a_new_session() -> None:
    charger = Metered()
    charger.log(1.0, 0)
    charger.gap()
    charger.document(1.8, 7200)
    charger.log(1.02, 10, received=7201)
    charger.log(1.04, 20, received=7201)
    assert charger.total == 1.8
    charger.log(1.05, 7300)
    assert charger.total == 2.85


def test_a_log_after_a_document_settles_it_without_a_gap_too() -> None:
    charger = Metered()
    charger.log(1.0, 0)
    charger.document(1.8, 130)
    charger.log(1.02, 10, received=131)
    charger.log(1.04, 20, received=131)
    charger.log(1.05, 135)
    assert charger.total == 2.85


def test_a_document_belongs_to_the_session_that_a_backlog_begins() -> None:
    charger = Metered()
    charger.log(0.36, 0)
    charger.off(10)
    charger.gap()
    charger.document(4.67, 7200)
    charger.log(0.06, 3600, received=7201)
    charger.log(2.0, 5000, received=7201)
    assert [row.kwh for row in charger.rows] == [0.36, 4.67]
    charger.on(7250)
    charger.log(4.0, 9000)
    assert [row.kwh for row in charger.rows] == [0.36, 4.67, 4.0]


def test_a_document_that_a_log_has_confirmed_does_not_move_the_time_of_the_last_rise() -> None:
    charger = Metered()
    charger.log(1.0, 0)
    charger.gap()
    charger.document(1.8, 7200)
    charger.log(1.8, 100, received=7201)
    charger.log(5.0, 7300)
    assert charger.total == 5.0


@pytest.mark.parametrize(
    ("before", "previous", "ended"),
    [
        (None, 1.01, True),
        (None, 1.02, False),
        (None, 0.98, False),
        (3.0, 3.01, False),
        (3.0, 3.02, True),
        (3.0, 0.98, False),
        (3.0, 12.1, True),
        (3.0, 12.2, False),
    ],
)
def test_a_previous_energy_that_the_session_can_have_reached_shows_that_it_has_ended(
    before: float | None, previous: float, ended: bool
) -> None:
    """At 40 kW, 11 kWh can have flowed since the last log."""
    charger = Metered(delay=5)
    charger.log(1.0, 0)
    for energy in (before, previous):
        charger.document(None, 995, ON, previous=energy)
    charger.log(0.5, 3600)
    assert charger.total == (1.5 if ended else 1.0)


@pytest.mark.parametrize(("previous", "ended"), [(2.0, False), (2.01, False), (2.02, True)])
def test_a_previous_energy_that_is_that_of_the_session_before_shows_nothing(previous: float, ended: bool) -> None:
    charger = Metered()
    charger.document(None, 0, ON, previous=9.0)
    charger.log(2.0, 0)
    charger.gap()
    charger.log(0.5, 600)
    charger.document(None, 990, ON, previous=previous)
    charger.log(0.2, 3600)
    assert charger.total == (2.7 if ended else 2.5)


def test_a_previous_energy_that_has_changed_since_the_first_document_shows_that_the_session_has_ended() -> None:
    charger = Metered()
    charger.document(1.0, 0, ON, previous=3.0)
    charger.log(1.02, 10)
    charger.document(None, 400, ON, previous=4.0)
    charger.log(1.4, 510, watts=7200.0)
    assert charger.total == 2.42
