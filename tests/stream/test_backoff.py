"""How long a stream waits between attempts: exponential, bounded, with full jitter."""

import random
import statistics

import pytest

from exporter.stream.supervisor import MAX_BACKOFF_SECONDS, MIN_BACKOFF_SECONDS, Backoff


class Longest(random.Random):
    """Draws the upper bound."""

    def uniform(self, a: float, b: float) -> float:
        assert a == 0.0, "full jitter begins at 0"
        return b


def test_the_bound_doubles_from_1_second_to_60() -> None:
    backoff = Backoff(Longest())
    assert [backoff.next() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert (MIN_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS) == (1, 60)


def test_the_bound_does_not_overflow() -> None:
    backoff = Backoff(Longest())
    assert {backoff.next() for _ in range(5000)} <= {1, 2, 4, 8, 16, 32, 60}


def test_the_backoff_is_reset_after_a_long_connection() -> None:
    backoff = Backoff(Longest())
    backoff.next()
    backoff.next()
    backoff.reset()
    assert backoff.next() == 1


def test_streams_that_fail_together_retry_at_different_times() -> None:
    def after_ten_failures(seed: int) -> float:
        backoff = Backoff(random.Random(seed))
        return [backoff.next() for _ in range(10)][-1]

    waits = [after_ten_failures(seed) for seed in range(1000)]
    assert statistics.mean(waits) == pytest.approx(MAX_BACKOFF_SECONDS / 2, rel=0.1)
    assert statistics.stdev(waits) == pytest.approx(MAX_BACKOFF_SECONDS / 12**0.5, rel=0.1)
