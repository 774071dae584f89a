"""A Prometheus exporter for EV chargers on the veCharge service."""

__version__ = "0.1.0"
