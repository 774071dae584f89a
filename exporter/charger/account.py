"""What is counted for an account: its events, rejections and connections."""

from exporter.charger.events import EVENT_LABELS, Disconnection
from exporter.charger.meter import Verdict
from exporter.errors import ConnectFailure

REJECTIONS = tuple(verdict for verdict in Verdict if verdict is not Verdict.ACCEPTED)


class Account:
    """The counts of one account, over all its chargers and for as long as the process lives.

    Every label value that the metric contract names is there from the start.
    """

    __slots__ = (
        "chargers",
        "connect_failures",
        "decode_errors",
        "disconnections",
        "events",
        "name",
        "readings_rejected",
        "token_expiry_unix",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.chargers = 0
        self.token_expiry_unix: float | None = None
        self.events = dict.fromkeys(EVENT_LABELS, 0)
        self.decode_errors = dict.fromkeys(EVENT_LABELS, 0)
        self.readings_rejected = dict.fromkeys(REJECTIONS, 0)
        self.connect_failures = dict.fromkeys(ConnectFailure, 0)
        self.disconnections = dict.fromkeys(Disconnection, 0)
