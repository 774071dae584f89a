"""Units of energy. The service reports kWh; the exporter counts whole joules."""

from typing import Final

JOULES_PER_KWH: Final = 3_600_000
