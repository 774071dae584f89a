"""The state of the stream of one charger."""

from dataclasses import dataclass


@dataclass(slots=True)
class StreamRecord:
    """The state of the stream, and the numbers of its connections, disconnections and failures."""

    connected: bool = False
    # True if an event came over the current connection.
    has_heard: bool = False
    connections: int = 0
    disconnections: int = 0
    connect_failures: int = 0
    last_event_unix: float | None = None
    # Why the stream is not connected, and what to do.
    problem: str | None = None

    def connect(self) -> None:
        """Record that the stream is connected."""
        self.connected = True
        self.has_heard = False
        self.problem = None
        self.connections += 1

    def fail(self, advice: str) -> None:
        """Record that an attempt to connect failed."""
        self.problem = advice or None
        self.connect_failures += 1

    def disconnect(self) -> None:
        """Record that the connection has ended."""
        self.connected = False
        self.disconnections += 1
