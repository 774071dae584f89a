"""Durations as Prometheus writes them: `5m`, `1h30m`, `500ms`, `0`."""

import re

_MILLISECONDS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
# Each unit at most once and larger units first, as in Prometheus: 1m30s is a duration, 30s1m and 90 are not.
_GRAMMAR = re.compile("".join(rf"(?:(?P<{unit}>[0-9]+){unit})?" for unit in _MILLISECONDS))
# Prometheus counts nanoseconds in 64 bits.
_LONGEST_MILLISECONDS = (2**63 - 1) // 1_000_000


def parse(text: str) -> float:
    """Return the seconds of a duration; raise ValueError."""
    if text == "0":
        return 0.0
    found = _GRAMMAR.fullmatch(text)
    if not text or found is None:
        raise ValueError("must be a duration such as 30s, 5m or 1h30m")
    milliseconds = sum(int(count) * _MILLISECONDS[unit] for unit, count in found.groupdict("0").items())
    if milliseconds > _LONGEST_MILLISECONDS:
        raise ValueError("is longer than 292 years, the limit of Prometheus")
    return milliseconds / 1000
