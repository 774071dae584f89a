"""What the last energy in the document of a charger that is OFF means."""

import pytest

from exporter.charger.decisions import DocumentMeaning, decide_document
from tests.charger.meter.situation import ALICE, BOB, known, reading, session

NOTHING, RAISE = DocumentMeaning.NOTHING, DocumentMeaning.RAISE
PREVIOUS, OWN = DocumentMeaning.PREVIOUS_SESSION, DocumentMeaning.OWN_SESSION


@pytest.mark.parametrize(
    ("kwh", "meaning"),
    [(0.5, NOTHING), (1.0, NOTHING), (1.01, RAISE), (3.26, RAISE), (3.27, NOTHING)],
    ids=["less", "the same", "more", "possible", "impossible"],
)
def test_it_raises_the_session_if_it_has_more_and_that_is_possible(kwh: float, meaning: DocumentMeaning) -> None:
    assert decide_document(known(session(1.0)), reading(kwh, 360)) is meaning


@pytest.mark.parametrize(
    ("kwh", "meaning"),
    [(1.0, NOTHING), (1.01, RAISE), (1.02, OWN), (1.18, OWN), (1.19, RAISE), (0.99, NOTHING), (0.98, OWN)],
)
def test_another_user_with_another_energy_had_a_session_of_their_own_if_that_is_possible(
    kwh: float, meaning: DocumentMeaning
) -> None:
    assert decide_document(known(session(1.0), user=ALICE), reading(kwh, 360, user=BOB)) is meaning


@pytest.mark.parametrize(
    ("reported", "rises", "kwh", "meaning"),
    [
        (0.0, 0, 5.0, PREVIOUS),
        (0.0, 0, 4.99, NOTHING),
        (0.5, 2, 5.1, PREVIOUS),
        (0.5, 3, 5.1, NOTHING),
        (3.5, 2, 5.1, RAISE),
    ],
    ids=["nothing delivered", "less than the previous one", "impossible", "has risen three times", "possible"],
)
def test_it_belongs_to_the_previous_session_if_the_current_one_was_a_glitch(
    reported: float, rises: int, kwh: float, meaning: DocumentMeaning
) -> None:
    situation = known(session(reported, rises=rises), session(5.0, read=-60))
    assert decide_document(situation, reading(kwh, 360)) is meaning


def test_a_session_that_has_delivered_nothing_is_a_glitch_even_if_it_could_have_risen_so_far() -> None:
    situation = known(session(0.0, rises=0), session(1.0, read=-60))
    assert decide_document(situation, reading(1.1, 360)) is PREVIOUS
