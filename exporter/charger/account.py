"""Counters of an account: events, rejections, connections and sessions."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from exporter.charger.energy import JOULES_PER_KWH
from exporter.charger.events import EVENT_LABELS, Disconnection
from exporter.charger.outcome import Judgement, Verdict
from exporter.charger.sessions import Session
from exporter.errors import ConnectFailure

REJECTIONS: Final[tuple[Verdict, ...]] = tuple(verdict for verdict in Verdict if verdict is not Verdict.ACCEPTED)
SESSION_ENERGY_JOULES: Final = tuple(float(kwh * JOULES_PER_KWH) for kwh in (1, 2, 5, 10, 20, 30, 40, 60, 80, 100))
SESSION_DURATION_SECONDS: Final = tuple(minutes * 60.0 for minutes in (5, 15, 30)) + tuple(
    hours * 3600.0 for hours in (1, 2, 3, 4, 6, 8, 12, 24)
)


class Histogram:
    """Counts observations by bucket and adds them up."""

    __slots__ = ("_counts", "bounds", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.sum = 0.0
        # One more than bounds: the last is for larger values.
        self._counts = [0] * (len(bounds) + 1)

    def observe(self, value: float) -> None:
        """Count an observation; a value that equals a bound is within it."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[int]:
        """Return the number of observations within each bound, and of all."""
        return list(accumulate(self._counts))


@dataclass(slots=True, eq=False)
class Account:
    """Counters of one account, for all its chargers and since the process started.

    Every label value that the metric contract names exists from the start.
    """

    name: str
    chargers: int = 0
    token_expiry_unix: float | None = None
    events: dict[str, int] = field(default_factory=lambda: dict.fromkeys(EVENT_LABELS, 0))
    decode_errors: dict[str, int] = field(default_factory=lambda: dict.fromkeys(EVENT_LABELS, 0))
    energy_judgements: dict[Judgement, int] = field(default_factory=lambda: dict.fromkeys(Judgement, 0))
    readings_rejected: dict[Verdict, int] = field(default_factory=lambda: dict.fromkeys(REJECTIONS, 0))
    connect_failures: dict[ConnectFailure, int] = field(default_factory=lambda: dict.fromkeys(ConnectFailure, 0))
    disconnections: dict[Disconnection, int] = field(default_factory=lambda: dict.fromkeys(Disconnection, 0))
    # Sessions that have ended and are settled: one that may still be revised might be counted twice.
    session_energy_joules: Histogram = field(default_factory=lambda: Histogram(SESSION_ENERGY_JOULES))
    session_duration_seconds: Histogram = field(default_factory=lambda: Histogram(SESSION_DURATION_SECONDS))

    def count_session(self, session: Session) -> None:
        """Count a settled session."""
        self.session_energy_joules.observe(session.energy_joules)
        if session.ended_unix is not None:
            self.session_duration_seconds.observe(session.ended_unix - session.began_unix)
