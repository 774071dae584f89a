"""Names, of chargers and accounts: one line of text in any script."""

import pytest

from exporter.config.schema import Text


@pytest.mark.parametrize(
    "name",
    ["Sector 22", "सेक्टर २२", "क्‍ष", "नम\u200cस्ते", "Sector\u00a022", "Sector\u202f22"],
    ids=ascii,
)
def test_joiners_and_no_break_spaces_are_allowed_in_a_name(name: str) -> None:
    assert Text.read(name) == name


@pytest.mark.parametrize("name", ["a\nb", "a\x00b", "a\u2028b", "a\u202eb", "\u200d", "\u00a0"], ids=ascii)
def test_control_characters_line_breaks_and_invisible_names_are_rejected(name: str) -> None:
    with pytest.raises(ValueError, match="must not"):
        Text.read(name)
