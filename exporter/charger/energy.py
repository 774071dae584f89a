"""Amounts of energy: valid ones, as text, and how much they may differ and still agree. docs/energy.md has the reasons.

The service reports kWh; the exporter counts whole joules.
"""

from typing import Final

JOULES_PER_KWH: Final = 3_600_000
MAX_SESSION_JOULES: Final = 10**13

ROUNDING: Final = 72_000  # 0.02 kWh
# `prev_energy`, or the energy of a document, equals the energy of a session if they differ by at most this.
SAME_JOULES: Final = 36_000
SLACK: Final = 360_000  # 0.1 kWh: two roundings, and logs that were a moment late
# A fall to at least this share of the energy is a dip.
DIP: Final = 0.9


def valid_energy(joules: float | None) -> int | None:
    """Return an energy in whole joules; None if it cannot be that of a session."""
    # NaN fails both comparisons.
    return round(joules) if joules is not None and 0 <= joules <= MAX_SESSION_JOULES else None


def kwh_text(joules: int | None) -> str:
    """Return an energy in kWh with two decimals, as the service reports it; `-` if it is not known."""
    return "-" if joules is None else f"{joules / JOULES_PER_KWH:.2f}"
