"""The Socket.IO streams of the service."""
