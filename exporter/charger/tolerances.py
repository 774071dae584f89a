"""How much energies may differ and still agree. docs/energy.md has the reasons.

Energies are whole joules, times are seconds.
"""

from typing import Final

ROUNDING: Final = 72_000  # 0.02 kWh
# `prev_energy`, or the energy of a document, equals the energy of a session if they differ by at most this.
SAME_JOULES: Final = 36_000
SLACK: Final = 360_000  # 0.1 kWh: two roundings, and logs that were a moment late
# A fall to at least this share of the energy is a dip.
DIP: Final = 0.9
# A current session that has risen this often is not a glitch.
RISES_THAT_PROVE: Final = 3
