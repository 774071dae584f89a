"""Durations as Prometheus writes them: `5m`, `1h30m`, `500ms`, `0`."""

import re

# Each unit at most once and larger units first, as in Prometheus: 1m30s is a duration, 30s1m and 90 are not.
_GRAMMAR = re.compile("".join(rf"(?:(?P<{unit}>[0-9]+){unit})?" for unit in ("y", "w", "d", "h", "m", "s", "ms")))
_MILLISECONDS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
# Prometheus counts nanoseconds in 64 bits. A longer text cannot be a duration within that range.
_LONGEST_MILLISECONDS = (2**63 - 1) // 1_000_000
_LONGEST_TEXT = 60


def parse(text: str) -> float:
    """Return the seconds of a duration; raise ValueError."""
    found = _GRAMMAR.fullmatch(text) if 0 < len(text) <= _LONGEST_TEXT else None
    if text == "0":
        return 0.0
    if found is None:
        raise ValueError("must be a duration such as 30s, 5m or 1h30m")
    milliseconds = sum(int(count) * _MILLISECONDS[unit] for unit, count in found.groupdict("0").items())
    if milliseconds > _LONGEST_MILLISECONDS:
        raise ValueError("is longer than 292 years, the limit of Prometheus")
    return milliseconds / 1000


def text(seconds: float) -> str:
    """Return a duration as text, as short as possible and exact to the millisecond."""
    rest = round(seconds * 1000)
    written = ""
    for unit, length in _MILLISECONDS.items():
        # Whole years and weeks only, so that 8d stays 8d and does not turn into 1w1d.
        if unit in ("y", "w") and rest % length:
            continue
        count, rest = divmod(rest, length)
        written += f"{count}{unit}" if count else ""
    return written or "0"
