"""The order of logs, and when each was written."""

import pytest

from exporter.charger.log_order import TIMES_AHEAD_REMEMBERED, LogOrder, Order
from tests.charger.meter.paces import PACES
from tests.charger.meter.situation import NOON

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
    assert order.kept.time == NOON + 26


def test_an_earlier_log_is_out_of_order(order: LogOrder) -> None:
    assert order.take(NOON + 19, 2, NOON + 25) is LATE


def test_a_log_without_a_time_is_dated_by_receipt(order: LogOrder) -> None:
    assert order.take(None, 3, NOON + 33) is Order.NEW
    assert order.kept.time == NOON + 33


def test_the_time_stands_still_while_the_exporters_clock_goes_back(order: LogOrder) -> None:
    order.take(None, 3, NOON + 15)
    assert order.kept.time == NOON + 20


def test_a_log_without_a_time_does_not_hide_that_the_one_before_is_sent_again(order: LogOrder) -> None:
    order.take(None, 3, NOON + 33)
    assert order.take(NOON + 20, 2, NOON + 40) is Order.DUPLICATE


def test_the_last_log_sent_again_after_a_restart_is_a_duplicate_and_the_time_goes_on(order: LogOrder) -> None:
    restarted = LogOrder(order.kept)
    assert restarted.kept.time == NOON + 20
    assert restarted.take(NOON + 20, 2, NOON + 500) is Order.DUPLICATE


@pytest.mark.parametrize("back", [5.5 * HOUR, 25 * 365 * 86_400], ids=["5:30 h", "to 1998"])
def test_three_logs_at_the_usual_interval_prove_that_the_clock_was_set_back(order: LogOrder, back: float) -> None:
    taken = [order.take(NOON - back + log, 9, NOON + log) for log in (30, 40, 50, 60)]
    assert taken == [LATE, LATE, Order.CLOCK_RESET, Order.NEW]
    assert order.kept.time == NOON + 60


@pytest.mark.parametrize(("written", "received", "proof"), PACES)
def test_logs_prove_it_if_they_arrive_half_a_second_apart_at_half_to_twice_their_own_pace(
    order: LogOrder, written: float, received: float, proof: bool
) -> None:
    for log in (0, 1):
        assert order.take(NOON - HOUR + written * log, 9, NOON + 30 + received * log) is LATE
    third = order.take(NOON - HOUR + written * 2, 9, NOON + 30 + received * 2)
    assert third is (Order.CLOCK_RESET if proof else LATE)


def test_a_backlog_in_a_burst_does_not_prove_that_the_clock_was_set_back(order: LogOrder) -> None:
    assert {order.take(NOON - HOUR + 10 * log, 9, NOON + 21 + log / 10) for log in range(9)} == {LATE}


@pytest.mark.parametrize(
    ("interval", "late", "proof"),
    [(20, 100, False), (20, 101, True), (5, 60, False), (5, 61, True)],
    ids=["five intervals", "more than five intervals", "a minute", "more than a minute"],
)
@pytest.mark.parametrize("ahead", [0.0, HOUR], ids=["clock right", "clock ahead"])
def test_logs_that_are_late_by_five_intervals_or_a_minute_do_not_prove_that_the_clock_was_set_back(
    interval: int, late: int, proof: bool, ahead: float
) -> None:
    order = LogOrder()
    order.take(NOON + ahead, 0, NOON)
    order.take(NOON + ahead + 500, 1, NOON + 500)
    # The times are between those of the two logs: these are logs that arrive late.
    taken = [
        order.take(NOON + ahead + 500 - late + interval * log, 9, NOON + 500 + interval * log) for log in (0, 1, 2)
    ]
    assert taken == [LATE, LATE, Order.CLOCK_RESET if proof else LATE]


@pytest.mark.parametrize("restarted", [False, True])
def test_duplicates_from_before_a_clock_was_set_back_are_recognised(order: LogOrder, restarted: bool) -> None:
    for log in (30, 40, 50):
        order.take(NOON - 5.5 * HOUR + log, 9, NOON + log)
    if restarted:
        order = LogOrder(order.kept)
    assert order.take(NOON + 20, 2, NOON + 55) is LATE


def test_duplicates_from_before_a_clock_was_set_back_twice_are_recognised(order: LogOrder) -> None:
    for log in (30, 40, 50):
        order.take(NOON - HOUR + log, 9, NOON + log)
    for log in (60, 70, 80):
        order.take(NOON - 2 * HOUR + log, 9, NOON + log)
    assert order.take(NOON + 20, 2, NOON + 85) is LATE


def test_a_clock_that_is_ahead_is_corrected_by_a_constant() -> None:
    order = LogOrder()
    for log, delay in ((0, 0), (10, 4), (20, 1)):
        assert order.take(NOON + 5.5 * HOUR + log, log, NOON + log + delay) is Order.NEW
        assert order.kept.time == NOON + log
    assert order.time_of(NOON + 5.5 * HOUR + 5) == NOON + 5


@pytest.mark.parametrize("wrong", [-300.0, 0.0, 300.0])
def test_a_clock_that_was_ahead_and_is_set_right_within_five_minutes_is_accepted_at_once(wrong: float) -> None:
    order = LogOrder()
    order.take(NOON + HOUR, 1, NOON)
    assert order.take(NOON + 400 + wrong, 2, NOON + 400) is Order.NEW
    assert order.kept.time == NOON + 400 + wrong


def test_a_clock_that_was_ahead_and_is_set_back_too_far_is_proved_by_three_logs() -> None:
    order = LogOrder()
    order.take(NOON + HOUR, 1, NOON)
    taken = [order.take(NOON - HOUR + log, 9, NOON + log) for log in (10, 20, 30)]
    assert taken == [LATE, LATE, Order.CLOCK_RESET]


@pytest.mark.parametrize(("ahead", "corrected"), [(120, False), (300, False), (301, True)])
def test_a_clock_may_be_five_minutes_ahead(ahead: float, corrected: bool) -> None:
    order = LogOrder()
    order.take(NOON + ahead, 1, NOON)
    assert (order.kept.time, order.kept.delay) == ((NOON, 0) if corrected else (NOON + ahead, -ahead))


@pytest.mark.parametrize("restarted", [False, True])
def test_duplicates_of_a_clock_that_was_ahead_are_recognised_hours_later(restarted: bool) -> None:
    order = LogOrder()
    ahead = [NOON + 2 * HOUR + 10 * log for log in range(TIMES_AHEAD_REMEMBERED)]
    for log, created in enumerate(ahead):
        order.take(created, log, NOON + 10 * log)
    order.take(NOON + HOUR, 500, NOON + HOUR)
    if restarted:
        order = LogOrder(order.kept)
    assert {order.take(created, log, created + 1) for log, created in enumerate(ahead)} == {LATE}
    assert TIMES_AHEAD_REMEMBERED == 128


def test_at_most_128_times_ahead_are_kept(order: LogOrder) -> None:
    for log in range(3, 2 * TIMES_AHEAD_REMEMBERED):
        order.take(NOON + HOUR + 10 * log, log, NOON + 10 * log)
    assert len(order.kept.times_ahead) == TIMES_AHEAD_REMEMBERED


@pytest.mark.parametrize(
    ("usual", "interval", "silent"), [(10, 120, False), (10, 121, True), (60, 300, False), (60, 301, True)]
)
def test_a_silence_is_longer_than_two_minutes_and_five_usual_intervals(
    usual: float, interval: float, silent: bool
) -> None:
    order = LogOrder()
    for at in (0, usual, 2 * usual, 2 * usual + interval):
        order.take(None, None, NOON + at)
    assert order.after_silence is silent


@pytest.mark.parametrize(("interval", "silent"), [(412, False), (413, True)])
def test_one_pause_counts_as_four_usual_intervals(interval: float, silent: bool) -> None:
    """So the usual interval becomes 60 + (240 - 60) / 8 = 82.5 seconds."""
    order = LogOrder()
    for at in (0, 60, 1060, 1060 + interval):
        order.take(None, None, NOON + at)
    assert order.after_silence is silent


def test_without_a_usual_interval_there_is_no_silence() -> None:
    order = LogOrder()
    for at in (0, 1000):
        order.take(None, None, NOON + at)
        assert not order.after_silence


def test_the_time_never_goes_back(order: LogOrder) -> None:
    order.take(NOON + 20, 3, NOON + 100)  # a stuck clock runs on by the receipt
    order.take(NOON + 30, 4, NOON + 101)
    assert order.kept.time == NOON + 100


def test_the_delay_is_the_shortest_seen_and_follows_a_slow_drift(order: LogOrder) -> None:
    assert order.kept.delay == 0
    order.take(NOON + 1000, 3, NOON + 1600)
    assert order.kept.delay == pytest.approx(0.98)
