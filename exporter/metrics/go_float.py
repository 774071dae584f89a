"""Numbers as prometheus-client writes them: 1.0, and as Go with an exponent from 1e+06 on.

One number, or a column of thousands at once, where a scrape spends most of its time.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

_LARGE: Final = 1e6
# Whole numbers from here on are not exact as floats.
_INEXACT: Final = 2**53
# The exponent of a number by the place of its point.
_EXPONENTS: Final = tuple(f"e+{point - 1:02d}" for point in range(18))
_LINE_ENDS: Final = tuple(f"{exponent}\n" for exponent in _EXPONENTS)

_encode = msgspec.json.Encoder().encode


def number(value: float) -> str:
    """Return a finite value as prometheus-client prints it: with an exponent from 1e+06 on."""
    text = repr(float(value))
    return text if value < _LARGE else _with_exponent(text)


def numbers(values: Sequence[float], before: str = "") -> list[str]:
    """Return `number` of many values, each with the text before it and the end of its line.

    msgspec is six times as fast as repr(), and equal values share one text.
    """
    if not values:
        return []
    if values.count(values[0]) == len(values):
        return [f"{before}{number(values[0])}\n"] * len(values)
    most = max(values)
    texts = _encode(values)[1:-1].decode()
    if most < _INEXACT and not any(other in texts for other in (".", "-", "e")):
        return _whole_numbers(texts, most, before)
    if texts.count(".") < len(values):  # some are whole, or "true"
        texts = _encode(list(map(float, values)))[1:-1].decode()
    # msgspec writes other exponents than Python, and 0.00001 without one.
    if "-" in texts or "e" in texts or "0.0000" in texts or most >= _INEXACT:
        return [f"{before}{number(value)}\n" for value in values]
    if most < _LARGE:
        return _lines(texts, before)
    return _large_numbers(texts, min(values), most, before) or [
        f"{before}{_with_exponent(text)}\n" for text in texts.split(",")
    ]


def _whole_numbers(texts: str, most: float, before: str) -> list[str]:
    """Return the lines of numbers that are written without a point, as energies in joules are."""
    if most < _LARGE:
        return _lines(texts, before, ".0")
    return [
        f"{before}{text[0]}.{text[1:]}".rstrip("0.") + _LINE_ENDS[len(text)] if len(text) > 6 else f"{before}{text}.0\n"
        for text in texts.split(",")
    ]


def _with_exponent(text: str) -> str:
    """Return the text of a positive number, with an exponent instead of more than six digits before the point."""
    point = text.find(".")
    if point <= 6:  # also if Python has written an exponent, from 1e+16 on
        return text
    return f"{text[0]}.{text[1:point]}{text[point + 1 :]}".rstrip("0.") + _EXPONENTS[point]


def _large_numbers(texts: str, least: float, most: float, before: str) -> list[str] | None:
    """Return the lines of numbers up to `most`, 1e+06 or more, not one by one; None if their beginnings differ.

    Timestamps begin alike: with the same digit, and with the point at the same place.
    """
    first, point = texts[0], texts.find(".")
    unit = 10.0 ** (point - 1)
    if least < int(first) * unit or most >= (int(first) + 1) * unit:
        return None
    texts = f",{texts},".replace(".0,", ",")
    # Only whole numbers end in a zero now.
    while "0," in texts:
        texts = texts.replace("0,", ",")
    if f",{first}," in texts:  # written without a point, as 2e+09
        return None
    after_first = texts.replace(".", "").replace(f",{first}", ",")[1:-1]
    return _lines(after_first, f"{before}{first}.", _EXPONENTS[point])


def _lines(texts: str, before: str, after: str = "") -> list[str]:
    """Return each of the texts between commas as a line."""
    between = f"{after}\n{before}"
    return f"{before}{texts.replace(',', between)}{after}\n".splitlines(keepends=True)
