"""The users of the current and the previous session: fingerprints that can only be compared."""

import pytest

from exporter.charger.session_users import SessionUsers
from tests.charger.meter.situation import ALICE, BOB


@pytest.mark.parametrize(
    ("current", "user", "another"),
    [(ALICE, BOB, True), (ALICE, ALICE, False), (None, BOB, False), (ALICE, None, False), (None, None, False)],
)
def test_a_user_is_another_one_if_both_are_known_and_differ(
    current: int | None, user: int | None, another: bool
) -> None:
    users = SessionUsers()
    users.begin_session(current)
    assert users.is_another(user) is another
    assert users.continue_session(user) is another


def test_the_first_user_that_a_log_names_is_the_user_of_the_session() -> None:
    users = SessionUsers()
    users.begin_session(None)
    for user in (None, ALICE, BOB):
        users.continue_session(user)
    assert users.current == ALICE


def test_the_users_vary_from_the_first_log_of_another_one_to_the_next_session() -> None:
    users = SessionUsers()
    vary = []
    for user in (ALICE, ALICE, BOB, ALICE):
        users.continue_session(user)
        vary.append(users.vary)
    users.begin_session(BOB)
    assert vary == [False, False, True, True]
    assert not users.vary


def test_after_a_glitch_the_user_is_that_of_the_previous_session() -> None:
    users = SessionUsers()
    users.begin_session(ALICE)
    users.begin_session(BOB)
    users.resume_previous()
    assert users.current == ALICE
