"""The state of the stream of one charger."""


class StreamRecord:
    """The state of the stream, and the numbers of its connections, disconnections and failures."""

    __slots__ = (
        "connect_failures",
        "connected",
        "connections",
        "disconnections",
        "has_heard",
        "last_event_unix",
        "problem",
    )

    def __init__(self) -> None:
        self.connected = False
        # Whether an event came over the current connection.
        self.has_heard = False
        self.connections = 0
        self.disconnections = 0
        self.connect_failures = 0
        self.last_event_unix: float | None = None
        # Why the stream is not connected, and what to do.
        self.problem: str | None = None

    def connect(self) -> None:
        """The stream is connected."""
        self.connected = True
        self.has_heard = False
        self.problem = None
        self.connections += 1

    def fail(self, advice: str) -> None:
        """An attempt to connect failed."""
        self.problem = advice or None
        self.connect_failures += 1

    def disconnect(self) -> None:
        """The connection has ended."""
        self.connected = False
        self.disconnections += 1
