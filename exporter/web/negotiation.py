"""Content negotiation: the format and the compression that a client prefers.

prometheus-client's own ignores `q`, answers with any version that is asked for, and raises on one that is not a
number.
"""

from typing import Final

from exporter.web.compression import ENCODINGS, IDENTITY

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

# Without names beyond ASCII both versions of the text format are the same.
_TEXT_VERSIONS: Final = ("", "0.0.4", "1.0.0")
_OPENMETRICS_VERSIONS: Final = ("", "1.0.0")


# By name and version of each item of a header, from 0 (not accepted) to 1.
_Qualities = dict[tuple[str, str], float]


def content_type(accept: str) -> str:
    """Return TEXT or OPENMETRICS by an Accept header; TEXT if it names neither, since people can read it."""
    listed = _qualities(accept)
    openmetrics = _quality(listed, ("application/openmetrics-text",), _OPENMETRICS_VERSIONS)
    text = _quality(listed, ("text/plain", "text/*", "*/*"), _TEXT_VERSIONS)
    return OPENMETRICS if openmetrics > 0 and openmetrics >= text else TEXT


def content_encoding(accept_encoding: str) -> str:
    """Return the content encoding that an Accept-Encoding header prefers: one of ENCODINGS, or IDENTITY."""
    listed = _qualities(accept_encoding)
    # A client that accepts any encoding supports gzip.
    qualities = {name: _quality(listed, (name, "*") if name == "gzip" else (name,), ("",)) for name in ENCODINGS}
    best = max(ENCODINGS, key=lambda name: qualities[name])  # of equal ones the first
    return best if qualities[best] > 0 else IDENTITY


def _quality(listed: _Qualities, names: tuple[str, ...], versions: tuple[str, ...]) -> float:
    """Return the quality of the first of `names` that is listed; they are in order from specific to general."""
    for name in names:
        found = [listed[name, version] for version in versions if (name, version) in listed]
        if found:
            return max(found)
    return 0.0


def _qualities(header: str) -> _Qualities:
    qualities = {}
    for item in header.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        values = {key.strip(): value.strip(' "') for key, _, value in (part.partition("=") for part in parameters)}
        qualities[name, values.get("version", "")] = _number(values.get("q", "1"))
    return qualities


def _number(quality: str) -> float:
    try:
        return float(quality)
    except ValueError:
        return 0.0
