"""Counters of an account: events, rejections, connections and sessions."""

from typing import Final

from exporter.charger.decisions import Judgement
from exporter.charger.energy import JOULES_PER_KWH
from exporter.charger.events import EVENT_LABELS, Disconnection
from exporter.charger.histogram import Histogram
from exporter.charger.outcome import Verdict
from exporter.charger.sessions import Session
from exporter.errors import ConnectFailure

REJECTIONS: Final = tuple(verdict for verdict in Verdict if verdict is not Verdict.ACCEPTED)
SESSION_ENERGY_JOULES: Final = tuple(float(kwh * JOULES_PER_KWH) for kwh in (1, 2, 5, 10, 20, 30, 40, 60, 80, 100))
SESSION_DURATION_SECONDS: Final = tuple(minutes * 60.0 for minutes in (5, 15, 30)) + tuple(
    hours * 3600.0 for hours in (1, 2, 3, 4, 6, 8, 12, 24)
)


class Account:
    """Counters of one account, for all its chargers and since the process started.

    Every label value that the metric contract names exists from the start.
    """

    __slots__ = (
        "chargers",
        "connect_failures",
        "decode_errors",
        "disconnections",
        "energy_judgements",
        "events",
        "name",
        "readings_rejected",
        "session_duration_seconds",
        "session_energy_joules",
        "token_expiry_unix",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.chargers = 0
        self.token_expiry_unix: float | None = None
        self.events = dict.fromkeys(EVENT_LABELS, 0)
        self.decode_errors = dict.fromkeys(EVENT_LABELS, 0)
        self.energy_judgements = dict.fromkeys(Judgement, 0)
        self.readings_rejected = dict.fromkeys(REJECTIONS, 0)
        self.connect_failures = dict.fromkeys(ConnectFailure, 0)
        self.disconnections = dict.fromkeys(Disconnection, 0)
        # Sessions that have ended and are settled: one that may still be revised might be counted twice.
        self.session_energy_joules = Histogram(SESSION_ENERGY_JOULES)
        self.session_duration_seconds = Histogram(SESSION_DURATION_SECONDS)

    def count_session(self, session: Session) -> None:
        """Count a settled session."""
        self.session_energy_joules.observe(session.energy_joules)
        if session.ended_unix is not None:
            self.session_duration_seconds.observe(session.ended_unix - session.began_unix)
