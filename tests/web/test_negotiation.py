"""Which format a scraper gets, by what it says that it accepts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.negotiation import OPENMETRICS, TEXT, accepts_gzip, content_type

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_TEXT_ONLY = "text/plain;version=0.0.4;q=0.6,*/*;q=0.5"
BEFORE_OPENMETRICS_1 = "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"


def test_the_versions_are_those_of_the_contract() -> None:
    assert TEXT == "text/plain; version=0.0.4; charset=utf-8"
    assert OPENMETRICS == "application/openmetrics-text; version=1.0.0; charset=utf-8"


@pytest.mark.parametrize(
    "accept",
    [
        PROMETHEUS_2,
        PROMETHEUS_3,
        "application/openmetrics-text",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
        'application/openmetrics-text; version="1.0.0"',
        "Application/OpenMetrics-Text;Version=1.0.0",
        "text/plain;q=0.5, application/openmetrics-text;q=0.5",
    ],
)
def test_openmetrics_for_who_wants_it(accept: str) -> None:
    assert content_type(accept) == OPENMETRICS


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "text/plain",
        BROWSER,
        PROMETHEUS_TEXT_ONLY,
        BEFORE_OPENMETRICS_1,
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=0.1,text/plain;version=0.0.4;q=0.9",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
    ],
)
def test_text_for_who_wants_that_or_neither(accept: str) -> None:
    assert content_type(accept) == TEXT


@pytest.mark.parametrize("version", ["2.0.0", "0.0.1", "abc", "1.0", "1.0.0\x00", "NaN"])
def test_a_version_of_openmetrics_that_is_not_spoken_is_not_promised(version: str) -> None:
    assert content_type(f"application/openmetrics-text;version={version}") == TEXT


@pytest.mark.parametrize("quality", ["abc", "", "-1", "nan"])
def test_a_quality_that_is_none_wants_nothing(quality: str) -> None:
    assert content_type(f"application/openmetrics-text;q={quality}") == TEXT


@pytest.mark.parametrize("header", ["gzip", "GZIP", "deflate, gzip;q=1.0", "gzip;q=0.1, br", "*", "gzip, *;q=0"])
def test_gzip_where_it_is_accepted(header: str) -> None:
    assert accepts_gzip(header)


@pytest.mark.parametrize("header", ["", "identity", "br, deflate", "gzip;q=0", "gzip;q=0, *;q=1", "*;q=0", "xgzip"])
def test_no_gzip_where_it_is_not(header: str) -> None:
    assert not accepts_gzip(header)


@given(st.text() | st.text("abcq=;,*/. 019"))
def test_any_header_has_an_answer(header: str) -> None:
    assert content_type(header) in (TEXT, OPENMETRICS)
    assert accepts_gzip(header) in (True, False)
