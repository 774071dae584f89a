"""The program, as the end-to-end tests start it."""

from tests.end_to_end.conftest import start_exporter

__all__ = ["start_exporter"]
