"""A world: a charger, its service and the exporter, with all faults between them."""

import random
from dataclasses import dataclass, field
from typing import Literal

from tests.charger.worlds import life
from tests.charger.worlds.life import Log, Plan, Session

# Why the exporter is absent: the service disconnects, the network fails, or the process is not running.
Absent = Literal["disconnect", "outage", "process"]


@dataclass(slots=True)
class Absence:
    begin: float
    end: float
    kind: Absent


@dataclass(slots=True)
class World:
    """The events before they are recorded. Faults change them, stage by stage."""

    rng: random.Random
    plan: Plan
    sessions: list[Session] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)
    # When the service sends that the charger dropped.
    drops: list[float] = field(default_factory=list)
    # True if the document after OFF has the true last energy; otherwise it has that of the last log, or 0.
    document_has_last_energy: bool = False
    # Energy that flowed but was not sent, which may be counted.
    slack_kwh: float = 0.0
    # The register continues from session to session.
    register_runs_on: bool = False
    register_kwh: float = 0.0
    # The charger is offline at these times: its status messages are lost.
    lost_status: list[tuple[float, float]] = field(default_factory=list)

    # The exporter first connects at this time.
    watched_from: float = life.START

    def begin(self) -> None:
        """Create the sessions and the logs of the charger."""
        self.sessions = life.sessions(self.rng, self.plan)

    def write_logs(self) -> None:
        self.logs = life.logs(self.rng, self.plan, self.sessions)

    @property
    def end(self) -> float:
        return max([log.arrives for log in self.logs] + [session.ended for session in self.sessions]) + 300.0

    def runs(self) -> list[list[Log]]:
        """The logs by session."""
        by_session: dict[int, list[Log]] = {}
        for log in self.logs:
            by_session.setdefault(id(log.session), []).append(log)
        return list(by_session.values())

    def log_amid(self, share: tuple[float, float] = (0.15, 0.85), least: int = 8) -> tuple[list[Log], int] | None:
        """A log in the middle of a session: its session's logs and its place among them."""
        runs = [run for run in self.runs() if len(run) >= least]
        if not runs:
            return None
        run = self.rng.choice(runs)
        return run, int(len(run) * self.rng.uniform(*share))
