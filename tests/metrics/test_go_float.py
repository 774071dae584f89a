"""Values of a column are written as each would be alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics.go_float import numbers
from tests.metrics.client import as_go_writes

# Each is written in another way; columns mix them.
COLUMNS = {
    "timestamps": st.floats(1.7e9, 1.8e9),
    "whole seconds": st.integers(1_000_000_000, 1_999_999_999).map(float),
    "milliseconds": st.integers(1_700_000_000_000, 1_700_000_020_000).map(lambda value: value / 1000),
    "tens of one digit": st.integers(20_000, 29_999).map(lambda value: value * 1e5),
    "timestamps of other ages": st.floats(1.0e9, 9.9e9),
    "energies": st.integers(0, 10**12).map(float),
    "small": st.floats(0, 0.01),
    "degrees": st.floats(-180, 180).filter(lambda value: value != 0),
    "any": st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: value != 0),
}


@pytest.mark.parametrize("column", COLUMNS)
@given(data=st.data())
def test_a_column_is_written_like_single_values(column: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(COLUMNS[column], max_size=20))
    assert numbers(values) == [f"{as_go_writes(value)}\n" for value in values]


@given(st.integers(0, 18), st.integers(1, 9))
def test_a_power_of_ten_is_written_like_other_numbers(power: int, digit: int) -> None:
    values = [digit * 10.0**power, digit * 10.0**power + 1.0, digit * 10.0**power / 10.0]
    assert numbers(values) == [f"{as_go_writes(value)}\n" for value in values]


@pytest.mark.parametrize(
    "values",
    [
        [2**53 + 1, 1],
        [0.00001, 1.0],
        [1, 0.5],
        [True, False],
        [True, 0.5],
        [2_000_000, 3],
        [-1_234_567, 1],
        [1e16, 1.5],
    ],
    ids=str,
)
def test_columns_of_several_kinds_of_numbers_are_written_like_single_values(values: list[float]) -> None:
    assert numbers(values) == [f"{as_go_writes(value)}\n" for value in values]
