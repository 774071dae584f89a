"""The check of a soak's totals."""

import pytest

from exporter.charger.events import Disconnected, Disconnection, Reading
from tests.chaos.arrivals import Arrived, fault_of_total


def two_sessions() -> Arrived:
    arrived = Arrived()
    for user, joules in ((1, 0.0), (1, 72_000.0), (2, 36_000.0)):
        arrived.add(Reading(session_energy_joules=joules, user=user))
    return arrived


@pytest.mark.parametrize(
    ("total", "logs_sent", "fault"),
    [
        (108_000, 3, None),
        (107_999, 3, "1 J are missing of those that arrived"),
        (144_001, 3, "1 J above the truth"),
        (108_000, 4, "1 of 4 logs did not arrive, though no connection was lost"),
    ],
)
def test_a_total_has_all_that_arrived_and_at_most_the_truth(total: int, logs_sent: int, fault: str | None) -> None:
    assert fault_of_total(total, 144_000, two_sessions(), logs_sent) == fault


@pytest.mark.parametrize(("reason", "is_right"), [(Disconnection.TRANSPORT, True), (Disconnection.SERVER, False)])
def test_only_a_lost_connection_can_lose_a_log(reason: Disconnection, is_right: bool) -> None:
    arrived = two_sessions()
    arrived.add(Disconnected(reason))
    assert (fault_of_total(108_000, 144_000, arrived, 4) is None) is is_right


def test_a_total_is_the_truth_while_the_first_session_is_running() -> None:
    arrived = Arrived(lost_connection=True)
    arrived.add(Reading(session_energy_joules=36_000.0, user=1))
    fault = fault_of_total(36_000, 72_000, arrived, 2, is_first_session=True)
    assert fault == "36000 J are missing of a session that is running"
    arrived.add(Reading(session_energy_joules=72_000.0, user=1))
    assert fault_of_total(72_000, 72_000, arrived, 3, is_first_session=True) is None
