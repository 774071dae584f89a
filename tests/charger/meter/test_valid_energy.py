"""Which energies can be those of a session."""

import math

import pytest

from exporter.charger.energy import valid_energy


@pytest.mark.parametrize(
    ("joules", "valid"),
    [
        (0.0, 0),
        (36_000.4, 36_000),
        (1e13, 10**13),
        (1.1e13, None),
        (-1.0, None),
        (math.nan, None),
        (math.inf, None),
        (None, None),
    ],
)
def test_an_energy_is_valid_from_0_to_ten_terajoules_and_becomes_whole_joules(
    joules: float | None, valid: int | None
) -> None:
    assert valid_energy(joules) == valid
