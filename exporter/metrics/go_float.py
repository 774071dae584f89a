"""Numbers as the text formats write them, which is as Go does: with an exponent from 1e+06 on.

One number, or a column of thousands at once, where a scrape spends most of its time.
"""

from collections.abc import Sequence
from typing import Final

import msgspec


def number(value: float) -> str:
    """Return a finite value as Go and prometheus-client print it: with an exponent from 1e+06 on."""
    text = repr(float(value))
    point = text.find(".")
    if value < 1e6 or point <= 6:  # Python's own exponent, from 1e+16 on
        return text
    return f"{text[0]}.{text[1:point]}{text[point + 1 :]}".rstrip("0.") + _EXPONENTS[point]


# The exponent of a number by the place of its point, without and with the end of the line.
_EXPONENTS: Final = tuple(f"e+{point - 1:02d}" for point in range(18))
_LINE_ENDS: Final = tuple(f"{exponent}\n" for exponent in _EXPONENTS)
# Whole numbers from here on are not exact as floats.
_INEXACT: Final = 2**53

_encode = msgspec.json.Encoder().encode


def numbers(values: Sequence[float], before: str = "") -> list[str]:
    """Return `number` of many values, each with the text before it and the end of its line.

    msgspec is six times as fast as repr(), and equal values share one text.
    """
    if not values:
        return []
    if values.count(values[0]) == len(values):
        return [f"{before}{number(values[0])}\n"] * len(values)
    texts = _encode(values)[1:-1].decode()
    points = texts.count(".")
    if "e" in texts or 0 < points < len(values):  # "true", or whole numbers among others
        texts = _encode(list(map(float, values)))[1:-1].decode()
        points = len(values)
    most = max(values)
    if "e" in texts or "0.0000" in texts or "-" in texts or most >= _INEXACT:
        # Python writes other exponents, also below 0.0001, and a minus would shift the point.
        return [f"{before}{number(value)}\n" for value in values]
    if most < 1e6:
        return _lines(texts, before, "" if points else ".0")
    if not points:
        return [
            f"{before}{text[0]}.{text[1:]}".rstrip("0.") + _LINE_ENDS[len(text)]
            if len(text) > 6
            else f"{before}{text}.0\n"
            for text in texts.split(",")
        ]
    return _aligned(texts, min(values), most, before) or [
        f"{before}{text[0]}.{text[1:point]}{text[point + 1 :]}".rstrip("0.") + _LINE_ENDS[point]
        if (point := text.find(".")) > 6
        else f"{before}{text}\n"
        for text in texts.split(",")
    ]


def _aligned(texts: str, least: float, most: float, before: str) -> list[str] | None:
    """Return numbers from 1e+06 on at once, if first digit and place of the point are the same, as in timestamps."""
    if least < 1e6:
        return None
    first, point = texts[0], texts.find(".")
    unit = 10.0 ** (point - 1)
    if least < int(first) * unit or most >= (int(first) + 1) * unit:
        return None
    digits = f",{texts},"
    if ".0," in digits:
        # A whole number loses its zeros; a fraction ends in none.
        digits = digits.replace(".0,", "#,")
        while "0#" in digits:
            digits = digits.replace("0#", "#")
        if f",{first}#" in digits:
            return None  # one is written without a point: 2e+09
        digits = digits.replace("#", "")
    rest = digits[2:-1].replace(".", "").replace(f",{first}", ",")
    return _lines(rest, f"{before}{first}.", _EXPONENTS[point])


def _lines(texts: str, before: str, after: str) -> list[str]:
    """Return each of the texts between commas as a line."""
    between = f"{after}\n{before}"
    return f"{before}{texts.replace(',', between)}{after}\n".splitlines(keepends=True)
