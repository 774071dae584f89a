"""Texts of the service as label values: short, without phone numbers, and valid UTF-8."""

import re
from typing import Final

# Longer label values are cut: a server must not be able to fill the memory of Prometheus.
MAX_TEXT_LENGTH: Final = 256

# International numbers (+91 98765 43210, 0091...) and Indian ones: a mobile number of ten digits that begins with 6 to
# 9, with or without 0 or 91 before it, or a landline with its area code (011-23456789). A pin code has six digits.
_PHONE_NUMBER: Final = re.compile(
    r"""
    (?=[+(\d])(?:  # quick: most texts have none of these
        (?:\+|(?<![^\W_])00)\d(?:[ ().-]{0,2}\d){7,14}(?!\d)
        | (?<![^\W_])(?:0|91[ -]?)?[6-9](?:[ -]?\d){9}(?![^\W_])
        | (?<![^\W_])\(?0(?:[ ()-]{0,2}\d){10}(?![^\W_])
    )
    """,
    re.VERBOSE,
)
PHONE_NUMBER: Final = "<phone number>"


def label_text(value: str | None) -> str | None:
    """Return the text as a label value; None is not known."""
    if value is None:
        return None
    # Mask, then cut: half a phone number would not match.
    text = _PHONE_NUMBER.sub(PHONE_NUMBER, value[: 2 * MAX_TEXT_LENGTH])[:MAX_TEXT_LENGTH]
    # JSON can have half a surrogate pair, which is not valid UTF-8: it becomes "?".
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
