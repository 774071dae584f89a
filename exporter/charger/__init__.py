"""What a charger is: pure, without clock, socket or file."""
