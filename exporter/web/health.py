"""The texts of the health pages, which `healthcheck` expects."""

from typing import Final

HEALTHY: Final = "vecharge-exporter is healthy."
READY: Final = "vecharge-exporter is ready."
