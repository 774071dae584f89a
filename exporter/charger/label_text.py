"""Texts of the service as label values: short, without phone numbers, and such that an exposition can carry them."""

import re
from typing import Final

# A label value longer than this is cut: a server must not be able to fill the memory of Prometheus.
MAX_TEXT_LENGTH: Final = 256

# International (+91 98765 43210, 0091...), and Indian ones as people write them: a mobile of ten digits from 6 to 9 on,
# with or without 0 or 91 before it, or a landline with its area code (011-23456789). A pin code has six digits.
_PHONE_NUMBER: Final = re.compile(
    r"""
    (?=[+(\d])(?:  # most texts have none of these, and are passed over quickly
        (?:\+|(?<![^\W_])00)\d(?:[ ().-]{0,2}\d){7,14}(?!\d)
        | (?<![^\W_])(?:0|91[ -]?)?[6-9](?:[ -]?\d){9}(?![^\W_])
        | (?<![^\W_])\(?0(?:[ ()-]{0,2}\d){10}(?![^\W_])
    )
    """,
    re.VERBOSE,
)
PHONE_NUMBER: Final = "<phone number>"


def label_text(value: str | None) -> str | None:
    """The text as a label may show it; None is not known."""
    if value is None:
        return None
    # Masked before it is cut: half a phone number would not be found.
    text = _PHONE_NUMBER.sub(PHONE_NUMBER, value[: 2 * MAX_TEXT_LENGTH])[:MAX_TEXT_LENGTH]
    # JSON can carry half a surrogate pair, which no exposition can: it becomes "?".
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
