"""Which format and compression a client gets, by what it accepts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.negotiation import OPENMETRICS, TEXT, content_encoding, content_type

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
def test_openmetrics_where_it_is_preferred(accept: str) -> None:
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
def test_text_where_it_or_neither_is_preferred(accept: str) -> None:
    assert content_type(accept) == TEXT


@pytest.mark.parametrize("version", ["2.0.0", "0.0.1", "abc", "1.0", "1.0.0\x00", "NaN"])
def test_text_for_an_unknown_version_of_openmetrics(version: str) -> None:
    assert content_type(f"application/openmetrics-text;version={version}") == TEXT


@pytest.mark.parametrize("quality", ["abc", "", "-1", "nan"])
def test_an_invalid_quality_is_zero(quality: str) -> None:
    assert content_type(f"application/openmetrics-text;q={quality}") == TEXT


@pytest.mark.parametrize(
    "header",
    ["gzip", "GZIP", "deflate, gzip;q=1.0", "gzip;q=0.1, br", "*", "gzip, *;q=0", "zstd;q=0.5, gzip", "zstd;q=0, *"],
)
def test_gzip_where_it_is_accepted(header: str) -> None:
    assert content_encoding(header) == "gzip"


@pytest.mark.parametrize("header", ["zstd", "gzip, deflate, br, zstd", "gzip;q=0.5, zstd", "ZSTD, *"])
def test_zstd_where_it_is_named_and_nothing_preferred(header: str) -> None:
    assert content_encoding(header) == "zstd"


@pytest.mark.parametrize("header", ["", "identity", "br, deflate", "gzip;q=0", "gzip;q=0, *;q=1", "*;q=0", "xgzip"])
def test_no_compression_where_none_is_accepted(header: str) -> None:
    assert content_encoding(header) == "identity"


@given(st.text() | st.text("abcq=;,*/. 019"))
def test_any_header_can_be_answered(header: str) -> None:
    assert content_type(header) in (TEXT, OPENMETRICS)
    assert content_encoding(header) in ("identity", "gzip", "zstd")
