"""A small part of `make worlds`: errors are small, and without faults everything is exact."""

import pytest

from tests.charger.worlds.causes import EVERY_CAUSE, EXACT, LISTED, MIXED_BAR, Bar
from tests.charger.worlds.judge import judge_world
from tests.charger.worlds.making import MIXED, WorldName
from tests.charger.worlds.table import ListRow, Row

SEED = "3"
WORLDS = 6
# A few worlds are less even than a hundred: one that is wrong weighs more.
SLACK = Bar(over=1.0, under=2.0, sessions=None, over_worlds=35)


@pytest.mark.parametrize("cause", [*EVERY_CAUSE, MIXED])
def test_the_energy_of_a_few_worlds_is_within_the_limits(cause: str) -> None:
    bar = EVERY_CAUSE[cause].bar if cause in EVERY_CAUSE else MIXED_BAR
    row = Row(cause, [judge_world(WorldName(SEED, cause, number)) for number in range(WORLDS)], bar)
    if bar != EXACT:
        row = Row(cause, row.judgements, Bar(bar.over + SLACK.over, bar.under + SLACK.under, None, SLACK.over_worlds))
    assert row.misses == [], row.line()


@pytest.mark.parametrize("cause", LISTED)
def test_the_session_list_is_correct_if_the_messages_determine_it(cause: str) -> None:
    row = ListRow(cause, [judge_world(WorldName(SEED, cause, number)) for number in range(WORLDS)])
    assert row.is_right, row.line()
