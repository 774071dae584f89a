"""The order of logs, and when each was written."""

import pytest

from exporter.charger.log_order import TIMES_AHEAD_REMEMBERED, LogOrder, Order

NOON = 1_700_000_000.0
HOUR = 3600.0
LATE = Order.OUT_OF_ORDER


@pytest.fixture
def order() -> LogOrder:
    """A charger whose clock is right and that sends a log each ten seconds."""
    order = LogOrder()
    for log in range(3):
        assert order.take(NOON + 10 * log, log, NOON + 10 * log) is Order.NEW
    return order


def test_a_log_with_the_time_and_energy_of_the_last_one_is_a_duplicate(order: LogOrder) -> None:
    assert order.take(NOON + 20, 2, NOON + 25) is Order.DUPLICATE


def test_a_log_with_the_last_time_and_another_energy_is_new_and_dated_by_receipt(
    order: LogOrder,
) -> None:
    assert order.take(NOON + 20, 3, NOON + 26) is Order.NEW
    assert order.time == NOON + 26


def test_an_earlier_log_is_out_of_order(order: LogOrder) -> None:
    assert order.take(NOON + 19, 2, NOON + 25) is LATE


def test_a_log_without_a_time_is_dated_by_receipt(order: LogOrder) -> None:
    assert order.take(None, 3, NOON + 33) is Order.NEW
    assert order.time == NOON + 33


@pytest.mark.parametrize("back", [5.5 * HOUR, 25 * 365 * 86_400], ids=["5:30 h", "to 1998"])
def test_three_logs_at_the_usual_interval_prove_that_the_clock_was_set_back(order: LogOrder, back: float) -> None:
    taken = [order.take(NOON - back + log, 9, NOON + log) for log in (30, 40, 50, 60)]
    assert taken == [LATE, LATE, Order.CLOCK_RESET, Order.NEW]
    assert order.time == NOON + 60


def test_a_backlog_in_a_burst_does_not_prove_that_the_clock_was_set_back(order: LogOrder) -> None:
    assert {order.take(NOON - HOUR + 10 * log, 9, NOON + 21 + log / 10) for log in range(9)} == {LATE}


def test_logs_that_are_late_by_a_few_intervals_do_not_prove_that_the_clock_was_set_back(order: LogOrder) -> None:
    assert order.take(NOON + 60, 6, NOON + 61) is Order.NEW
    assert {order.take(NOON + log, 3, NOON + 40 + log) for log in (30, 40, 50)} == {LATE}


def test_duplicates_from_before_a_clock_was_set_back_are_recognised(order: LogOrder) -> None:
    for log in (30, 40, 50):
        order.take(NOON - 5.5 * HOUR + log, 9, NOON + log)
    assert order.take(NOON + 20, 2, NOON + 55) is LATE


def test_a_clock_that_is_ahead_is_corrected_by_a_constant() -> None:
    order = LogOrder()
    for log in (0, 10, 20):
        assert order.take(NOON + 5.5 * HOUR + log, log, NOON + log) is Order.NEW
        assert order.time == NOON + log


def test_a_clock_that_was_ahead_and_is_set_right_is_accepted_at_once() -> None:
    order = LogOrder()
    order.take(NOON + HOUR, 1, NOON)
    assert order.take(NOON + 10, 2, NOON + 10) is Order.NEW
    assert order.time == NOON + 10


def test_two_minutes_ahead_are_within_tolerance() -> None:
    order = LogOrder()
    order.take(NOON + 120, 1, NOON)
    assert (order.time, order.delay) == (NOON + 120, -120)


@pytest.mark.parametrize("restarted", [False, True])
def test_duplicates_of_a_clock_that_was_ahead_are_recognised_hours_later(restarted: bool) -> None:
    order = LogOrder()
    ahead = [NOON + 2 * HOUR + 10 * log for log in range(TIMES_AHEAD_REMEMBERED)]
    for log, created in enumerate(ahead):
        order.take(created, log, NOON + 10 * log)
    order.take(NOON + HOUR, 500, NOON + HOUR)
    if restarted:
        order = LogOrder(order.state())
    assert {order.take(created, log, created + 1) for log, created in enumerate(ahead)} == {LATE}
    assert TIMES_AHEAD_REMEMBERED == 128


def test_the_time_never_goes_back(order: LogOrder) -> None:
    order.take(NOON + 20, 3, NOON + 100)  # a stuck clock runs on by the receipt
    order.take(NOON + 30, 4, NOON + 101)
    assert order.time == NOON + 100


def test_the_delay_is_the_shortest_seen_and_follows_a_slow_drift(order: LogOrder) -> None:
    assert order.delay == 0
    order.take(NOON + 1000, 3, NOON + 1600)
    assert order.delay == pytest.approx(0.98)
