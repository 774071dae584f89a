"""Which session a reading more likely belongs to, where several are possible."""

import pytest

from exporter.charger.decision_input import Evidence, Known
from exporter.charger.possible_sessions import is_doubtful, is_more_likely_new, previous_fits_better
from exporter.charger.sessions import KnownBy
from tests.charger.meter.situation import ALICE, BOB, NOON, known, reading, session

OFF_AND_ON = Evidence.OFF | Evidence.ON


def switched_on(kwh: float, *, fresh: Evidence = OFF_AND_ON, users_vary: bool = False) -> Known:
    """A session of this energy, and a switch to ON at noon, just after its last log."""
    return known(session(kwh), evidence=OFF_AND_ON, fresh=fresh, switched_on=0, users_vary=users_vary)


class TestAfterASwitchToOn:
    @pytest.mark.parametrize(
        ("situation", "at", "new"),
        [
            (switched_on(1.0), 600, True),
            (switched_on(1.0), 601, False),
            (switched_on(0.0), 600, False),
            (switched_on(1.0, fresh=Evidence.GAP), 600, False),
            (known(session(1.0), evidence=Evidence.GAP), 600, False),
        ],
        ids=["soon", "late", "nothing delivered before", "not the first reading", "never switched on"],
    )
    def test_a_first_reading_of_0_is_of_a_new_session(self, situation: Known, at: float, new: bool) -> None:
        assert is_more_likely_new(situation, reading(0.0, at)) is new

    @pytest.mark.parametrize(
        ("kwh", "users_vary", "new"),
        [(1.01, False, False), (1.02, False, True), (0.99, False, True), (1.02, True, False)],
        ids=["the old energy", "more", "less", "users vary"],
    )
    def test_another_user_has_a_new_session_unless_it_shows_the_old_energy(
        self, kwh: float, users_vary: bool, new: bool
    ) -> None:
        assert is_more_likely_new(switched_on(1.0, users_vary=users_vary), reading(kwh, 60, user=BOB)) is new

    @pytest.mark.parametrize(("kwh", "new"), [(1.75, True), (1.76, False), (0.9, True), (2.5, True), (2.49, False)])
    def test_it_is_the_same_session_only_if_the_power_fits_it_three_times_better(self, kwh: float, new: bool) -> None:
        """In 500 seconds at 7.2 kW, 1 kWh has flowed: the same session would have 2.0 kWh, a new one 1.0 kWh."""
        assert is_more_likely_new(switched_on(1.0), reading(kwh, 500, watts=7200.0)) is new

    @pytest.mark.parametrize(("kwh", "new"), [(0.5, True), (0.51, False)])
    def test_above_half_a_kwh_a_reading_of_the_old_energy_is_of_the_old_session(self, kwh: float, new: bool) -> None:
        assert is_more_likely_new(switched_on(kwh), reading(kwh, 100, watts=7200.0)) is new

    @pytest.mark.parametrize(("kwh", "new"), [(1.01, False), (1.02, True)])
    def test_the_old_energy_is_shown_to_a_hundredth_of_a_kwh(self, kwh: float, new: bool) -> None:
        assert is_more_likely_new(switched_on(1.0), reading(kwh, 600, watts=10_000.0)) is new

    @pytest.mark.parametrize("watts", [None, 0.0])
    def test_without_a_power_it_is_the_same_session(self, watts: float | None) -> None:
        assert not is_more_likely_new(switched_on(1.0), reading(1.6, 60, watts=watts))

    @pytest.mark.parametrize(
        ("ended_at", "ended_by", "kwh", "new"),
        [
            (100, KnownBy.STATUS, 1.75, True),
            (100, KnownBy.STATUS, 1.74, False),
            (0, KnownBy.STATUS, 1.6, True),
            (0, KnownBy.STATUS, 1.59, False),
            (100, KnownBy.DOCUMENT, 1.6, True),
            (100, KnownBy.DOCUMENT, 1.59, False),
        ],
    )
    def test_what_flowed_until_the_switch_to_off_is_of_the_same_session(
        self, ended_at: float, ended_by: KnownBy, kwh: float, new: bool
    ) -> None:
        """At 3.6 kW: ON 200 seconds after the last log, and the next log at 300 seconds."""
        current = session(1.0)
        current.ended_at, current.ended_by = NOON + ended_at, ended_by
        situation = known(current, evidence=OFF_AND_ON, switched_on=200)
        assert is_more_likely_new(situation, reading(kwh, 300, watts=3600.0)) is new


class TestAnotherUser:
    @pytest.mark.parametrize(("kwh", "new"), [(1.1, False), (1.11, True)])
    def test_without_a_power_a_rise_well_above_a_dip_shows_a_new_session(self, kwh: float, new: bool) -> None:
        assert is_more_likely_new(known(session(0.9), user=ALICE), reading(kwh, 3600, user=BOB)) is new

    @pytest.mark.parametrize(("kwh", "new"), [(4.11, True), (4.12, False), (3.6, True)])
    def test_it_is_the_same_session_only_if_the_power_fits_it_better(self, kwh: float, new: bool) -> None:
        """In an hour at 3.6 kW the same session would have 4.6 kWh, a new one 3.6 kWh."""
        assert is_more_likely_new(known(session(1.0), user=ALICE), reading(kwh, 3600, user=BOB, watts=3600.0)) is new

    @pytest.mark.parametrize(("kwh", "new"), [(0.51, True), (0.52, False)])
    def test_no_power_has_flowed_at_the_time_of_the_last_log(self, kwh: float, new: bool) -> None:
        assert is_more_likely_new(known(session(1.0), user=ALICE), reading(kwh, 0, user=BOB, watts=36_000.0)) is new


class TestADocumentThatNamesAnEndedSession:
    @pytest.mark.parametrize(("kwh", "new"), [(1.4987, True), (1.49875, False)])
    def test_a_new_session_begins_if_the_power_fits_it_better_by_a_quarter_of_a_hundredth_of_a_kwh(
        self, kwh: float, new: bool
    ) -> None:
        situation = known(session(1.0), evidence=Evidence.ENDED)
        assert is_more_likely_new(situation, reading(kwh, 500, watts=7200.0)) is new

    @pytest.mark.parametrize(
        ("kwh", "watts", "new"),
        [(1.01, None, False), (1.02, None, True), (0.99, None, True), (1.01, 36.0, False), (1.02, 36.0, True)],
    )
    def test_another_user_has_a_new_session_whatever_the_power_unless_it_shows_the_old_energy(
        self, kwh: float, watts: float | None, new: bool
    ) -> None:
        """At 36 W the same session would have risen by 0.01 kWh in 1000 seconds."""
        situation = known(session(1.0), evidence=Evidence.ENDED)
        assert is_more_likely_new(situation, reading(kwh, 1000, user=BOB, watts=watts)) is new

    def test_other_evidence_begins_none(self) -> None:
        situation = known(session(1.0), evidence=Evidence.GAP)
        assert not is_more_likely_new(situation, reading(1.4, 500, watts=7200.0))


class TestDoubt:
    @pytest.mark.parametrize(
        ("kwh", "doubtful"), [(0.02, False), (0.03, True)], ids=["too little to matter", "enough to matter"]
    )
    def test_it_is_doubtful_if_the_power_is_not_known(self, kwh: float, doubtful: bool) -> None:
        assert is_doubtful(known(session(kwh), evidence=Evidence.GAP), reading(1.0, 3600)) is doubtful

    @pytest.mark.parametrize(("kwh", "doubtful"), [(4.12, False), (4.11, True)])
    def test_it_is_not_doubtful_if_the_power_fits_the_same_session(self, kwh: float, doubtful: bool) -> None:
        situation = known(session(1.0), evidence=Evidence.GAP)
        assert is_doubtful(situation, reading(kwh, 3600, watts=3600.0)) is doubtful

    def test_it_is_not_doubtful_after_a_document_alone(self) -> None:
        current = session(1.0)
        current.read_at = 0.0
        assert not is_doubtful(known(current, evidence=Evidence.GAP), reading(1.0, 3600))


class TestAGlitch:
    @pytest.mark.parametrize(("kwh", "glitch"), [(0.98, True), (0.97, False)])
    def test_the_current_session_is_one_only_if_the_reading_reaches_the_previous_one(
        self, kwh: float, glitch: bool
    ) -> None:
        situation = known(session(0.0, read=60), session(1.0))
        assert previous_fits_better(situation, reading(kwh, 600)) is glitch

    def test_there_is_none_without_a_previous_session(self) -> None:
        assert not previous_fits_better(known(session(0.0)), reading(1.0, 600))

    @pytest.mark.parametrize(
        ("begun_on", "kwh", "glitch"),
        [
            (Evidence.GAP, 0.1, True),
            (Evidence.DROP, 0.1, True),
            (Evidence.GAP | Evidence.DROP, 0.1, True),
            (Evidence.OFF, 0.1, False),
            (Evidence.GAP | Evidence.OFF, 0.1, False),
            (Evidence.ON, 0.1, False),
        ],
    )
    def test_without_a_power_only_a_session_that_a_gap_began_is_one(
        self, begun_on: Evidence, kwh: float, glitch: bool
    ) -> None:
        current = session(kwh, read=60)
        current.begun_on = int(begun_on)
        assert previous_fits_better(known(current, session(1.0)), reading(1.0, 600)) is glitch

    @pytest.mark.parametrize(("kwh", "glitch"), [(1.12, False), (1.13, True)])
    def test_the_current_session_is_one_if_the_power_does_not_fit_it_better(self, kwh: float, glitch: bool) -> None:
        """After 360 seconds at 3.6 kW the current session would have 0.86 kWh, the previous one 1.42 kWh."""
        situation = known(session(0.5), session(1.0, read=-60))
        assert previous_fits_better(situation, reading(kwh, 360, watts=3600.0)) is glitch
