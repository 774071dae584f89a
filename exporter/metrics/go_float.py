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


def numbers(values: Sequence[float], before: str = "") -> list[str]:
    """Return `number` of many values, each with the text before it and the end of its line.

    msgspec is six times as fast as repr(), and equal values share one text.
    """
    if not values:
        return []
    least, most = min(values), max(values)
    if least == most:
        return [f"{before}{number(least)}\n"] * len(values)
    texts = msgspec.json.encode(list(map(float, values)))[1:-1].decode()
    if most >= 1e16 or (least < 0.001 and any(value and value < 0.001 for value in values)):
        # For these msgspec writes other exponents, and a minus would shift the point.
        return [f"{before}{number(value)}\n" for value in values]
    if most < 1e6:
        return _lines(texts, before, "")
    return _aligned(texts, least, most, before) or [
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
    # A whole number loses its zeros; a fraction ends in none.
    digits = f",{texts},".replace(".0,", "#,").replace(".", "")
    while "0#" in digits:
        digits = digits.replace("0#", "#")
    if f",{first}#" in digits:
        return None  # one is written without a point: 2e+09
    rest = digits[2:-1].replace("#", "").replace(f",{first}", ",")
    return _lines(rest, f"{before}{first}.", _EXPONENTS[point])


def _lines(texts: str, before: str, after: str) -> list[str]:
    """Return each of the texts between commas as a line."""
    between = f"{after}\n{before}"
    return f"{before}{texts.replace(',', between)}{after}\n".splitlines(keepends=True)
