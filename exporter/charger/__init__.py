"""The state of a charger: pure, without clock, socket or file."""
