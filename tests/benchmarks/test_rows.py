"""A row shows whether its limit is met, in readable figures."""

from pathlib import Path

import pytest

from benchmarks.report import markdown
from benchmarks.rows import Row, faster, not_measured, quantity, share

MET = Row("case", "figure", 20.0, 20.0, "at least", "x")
MISSED = Row("case", "figure", 20.1, 20.0, "at most", "s")


def test_a_bar_that_is_just_reached_is_met() -> None:
    assert MET.is_met
    assert Row("case", "figure", 20.0, 20.0, "at most").is_met


@pytest.mark.parametrize("row", [MISSED, Row("case", "figure", 19.9, 20.0, "at least", "x")])
def test_a_bar_that_is_missed_says_so(row: Row) -> None:
    assert not row.is_met
    assert row.cells[-1] == "**missed**"


def test_the_speedup_is_that_of_medians() -> None:
    row = faster("case", ours=[0.001, 0.002, 9.0], theirs=[0.1, 0.04, 0.03], bar=20.0)
    assert row.value == pytest.approx(20.0)
    assert row.figure == "2 ms against 40 ms"


def test_the_cost_per_log_is_that_of_medians() -> None:
    row = share("case", ours=[1e-6, 50e-6, 60e-6], theirs=[1e-6, 40e-6, 90e-6], bar=1.3)
    assert row.value == pytest.approx(1.25)
    assert row.figure == "50 us against 40 us per log"


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0, "lost", "0 lost"),
        (1.254, "x", "1.25x"),
        (12.34, "ms", "12.3 ms"),
        (1234.5, "MB", "1,234 MB"),
        (100, "x", "100x"),
    ],
)
def test_a_quantity_has_three_significant_digits(value: float, unit: str, written: str) -> None:
    assert quantity(value, unit) == written


def test_the_report_has_a_line_for_every_row_and_names_the_machine() -> None:
    report = markdown({"The scrape": [MET, MISSED]}, rounds=5, seconds=300.0)
    assert (
        "| case | figure | at least 20x | 20x | met |\n| case | figure | at most 20 s | 20.1 s | **missed** |" in report
    )
    assert "prometheus-client" in report
    assert str(Path.cwd()) not in report


def test_a_comparison_that_cannot_be_made_says_so_and_is_not_missed() -> None:
    row = not_measured("against Go", "Go is not installed", 1.0, "x")
    assert row.is_met
    assert row.cells == ("against Go", "Go is not installed", "at least 1x", "", "not measured")
