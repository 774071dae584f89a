"""Durations follow Prometheus' grammar."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("500ms", 0.5),
        ("10s", 10),
        ("5m", 300),
        ("1h30m", 5400),
        ("1d", 86_400),
        ("2w", 1_209_600),
        ("1y", 31_536_000),
        ("1m90s", 150),
        ("1y1w1d1h1m1s1ms", 32_230_861.001),
        ("292y", 292 * 31_536_000),
    ],
)
def test_units_may_be_omitted_but_not_reordered(text: str, seconds: float) -> None:
    assert duration.parse(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "5", "m", "-5m", "1.5h", "5 m", " 5m", "5m\n", "5M", "30s1m", "5m5m", "1h 30m", "\u0665m", "1us"],
)
def test_anything_else_is_not_a_duration(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration such as"):
        duration.parse(text)


@pytest.mark.parametrize("text", ["293y", "9" * 50 + "ms"])
def test_a_duration_beyond_the_range_of_prometheus_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="is longer than 292 years"):
        duration.parse(text)


@given(st.text(alphabet="0123456789ywdhms ", max_size=80))
def test_any_text_is_parsed_or_rejected(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert duration.parse(text) >= 0
