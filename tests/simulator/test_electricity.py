import math

from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator.electricity import Demand, Mains, Sample

demands = st.builds(
    Demand,
    plateau_amperes=st.floats(6, 32),
    seconds=st.floats(60, 4 * 3600),
    taper_share=st.floats(0.1, 0.3),
)
phases = st.floats(0, math.tau)
mains = st.builds(Mains, st.tuples(phases, phases, phases))


@given(mains, st.floats(-1e6, 1e9), st.floats(0, 32))
def test_the_voltage_stays_within_ten_percent_of_230(supply: Mains, at: float, amperes: float) -> None:
    assert 207 <= supply.volts(at, amperes) <= 253


@given(mains, st.floats(0, 1e6), st.floats(1, 32))
def test_the_current_of_the_car_lowers_the_voltage(supply: Mains, at: float, amperes: float) -> None:
    assert supply.volts(at, amperes) < supply.volts(at, 0)


@given(demands)
def test_the_current_rises_to_its_plateau_and_tapers(demand: Demand) -> None:
    middle = demand.amperes(demand.seconds / 2)

    assert demand.amperes(0) == 0
    assert 0 < demand.amperes(1) < middle
    assert middle == demand.plateau_amperes
    assert demand.amperes(demand.seconds * 0.99) < middle
    assert demand.amperes(demand.seconds) > 0


@given(demands, st.floats(0, 5 * 3600))
def test_the_current_never_exceeds_the_plateau(demand: Demand, elapsed: float) -> None:
    assert 0 <= demand.amperes(elapsed) <= demand.plateau_amperes


def test_power_is_active_power_at_a_power_factor_just_below_one() -> None:
    assert Sample(230.0, 10.0).watts == 230.0 * 10.0 * 0.98
