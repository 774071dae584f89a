"""Units of energy. The service reports kWh; the exporter counts whole joules."""

from typing import Final

JOULES_PER_KWH: Final = 3_600_000


def kwh_text(joules: int | None) -> str:
    """Return an energy in kWh with two decimals, as the service reports it; `-` if it is not known."""
    return "-" if joules is None else f"{joules / JOULES_PER_KWH:.2f}"
