"""What the health pages say, in the words that `healthcheck` looks for."""

from typing import Final

HEALTHY: Final = "vecharge-exporter is healthy."
READY: Final = "vecharge-exporter is ready."
