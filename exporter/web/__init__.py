"""The HTTP server: the pages of a fleet, and their protection."""
