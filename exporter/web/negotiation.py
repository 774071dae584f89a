"""Content negotiation: which of the formats that the exporter speaks a scraper would rather have.

prometheus-client has one too. It takes no notice of `q`, answers with any version that is asked for, and raises on
one that is no number.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

# Without names beyond ASCII both versions of the text format are the same.
_TEXT_VERSIONS: Final = ("", "0.0.4", "1.0.0")
_OPENMETRICS_VERSIONS: Final = ("", "1.0.0")


@dataclass(frozen=True, slots=True)
class _Choice:
    """One of the things that a header lists, and how much it is wanted, from 0 (not at all) to 1."""

    name: str
    version: str
    quality: float


def content_type(accept: str) -> str:
    """TEXT or OPENMETRICS, by an Accept header. TEXT for who asks for neither: it is what people can read."""
    choices = list(_choices(accept))
    openmetrics = _quality(choices, ("application/openmetrics-text",), _OPENMETRICS_VERSIONS)
    text = _quality(choices, ("text/plain", "text/*", "*/*"), _TEXT_VERSIONS)
    return OPENMETRICS if openmetrics > 0 and openmetrics >= text else TEXT


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header allows gzip."""
    return _quality(list(_choices(accept_encoding)), ("gzip", "*"), ("",)) > 0


def _quality(choices: list[_Choice], names: tuple[str, ...], versions: tuple[str, ...]) -> float:
    """How much the first of `names` that is listed is wanted: they go from the special to the general."""
    for name in names:
        listed = [choice.quality for choice in choices if choice.name == name and choice.version in versions]
        if listed:
            return max(listed)
    return 0.0


def _choices(header: str) -> Iterator[_Choice]:
    for listed in header.lower().split(","):
        name, *parameters = (part.strip() for part in listed.split(";"))
        values = {key.strip(): value.strip(' "') for key, _, value in (part.partition("=") for part in parameters)}
        yield _Choice(name, values.get("version", ""), _number(values.get("q", "1")))


def _number(quality: str) -> float:
    try:
        return float(quality)
    except ValueError:
        return 0.0
