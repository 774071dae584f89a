"""The format and compression of a response, by the headers of the request."""

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


def test_the_content_types_have_the_documented_versions() -> None:
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
def test_openmetrics_is_returned_if_preferred(accept: str) -> None:
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
def test_text_is_returned_if_preferred_or_by_default(accept: str) -> None:
    assert content_type(accept) == TEXT


@pytest.mark.parametrize("version", ["2.0.0", "0.0.1", "abc", "1.0", "1.0.0\x00", "NaN"])
def test_text_is_returned_for_an_unknown_version_of_openmetrics(version: str) -> None:
    assert content_type(f"application/openmetrics-text;version={version}") == TEXT


@pytest.mark.parametrize("quality", ["abc", "", "-1", "nan"])
def test_an_invalid_quality_is_zero(quality: str) -> None:
    assert content_type(f"application/openmetrics-text;q={quality}") == TEXT


@pytest.mark.parametrize(
    "header",
    ["gzip", "GZIP", "deflate, gzip;q=1.0", "gzip;q=0.1, br", "*", "gzip, *;q=0", "zstd;q=0.5, gzip", "zstd;q=0, *"],
)
def test_gzip_is_used_if_accepted(header: str) -> None:
    assert content_encoding(header) == "gzip"


@pytest.mark.parametrize("header", ["zstd", "gzip, deflate, br, zstd", "gzip;q=0.5, zstd", "ZSTD, *"])
def test_zstd_is_used_if_named_and_nothing_else_is_preferred(header: str) -> None:
    assert content_encoding(header) == "zstd"


@pytest.mark.parametrize("header", ["", "identity", "br, deflate", "gzip;q=0", "gzip;q=0, *;q=1", "*;q=0", "xgzip"])
def test_the_body_is_not_compressed_if_no_encoding_is_accepted(header: str) -> None:
    assert content_encoding(header) == "identity"


@given(st.text() | st.text("abcq=;,*/. 019"))
def test_any_header_is_negotiated_without_an_error(header: str) -> None:
    assert content_type(header) in (TEXT, OPENMETRICS)
    assert content_encoding(header) in ("identity", "gzip", "zstd")
