"""The energy meter: session readings in, a total that never falls out.

The service reports the energy of the running session, which falls back when a new one begins. The truth is the
sum over all sessions of the last energy of each; docs/energy.md tells the rules and what they promise. Energy is
held in whole joules, so that no sum of sessions ever drifts (0.01 kWh is 36,000 J).
"""

from collections import deque
from enum import StrEnum
from typing import Final

import msgspec

MAX_SESSION_JOULES: Final = 1_000 * 3_600_000
POWER_SLACK_JOULES: Final = 360_000  # 0.1 kWh: two roundings, and logs that were a moment late
CLOCK_TOLERANCE_SECONDS: Final = 300.0
READINGS_THAT_PROVE: Final = 3
# How many times ahead of our clock are remembered, to know a log that is sent again.
AHEAD_REMEMBERED: Final = 128


class Verdict(StrEnum):
    """What became of a reading. Every value but ACCEPTED is a `reason` of the rejected readings."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    OUT_OF_ORDER = "out_of_order"
    INVALID = "invalid"
    IMPLAUSIBLE = "implausible"
    ENERGY_GLITCH = "energy_glitch"

    @property
    def in_order(self) -> bool:
        """Whether the log itself is new: only then do its other values count."""
        return self is not DUPLICATE and self is not OUT_OF_ORDER


# As Status of wire.py: what every log asks for has a name of its own.
ACCEPTED: Final = Verdict.ACCEPTED
DUPLICATE: Final = Verdict.DUPLICATE
OUT_OF_ORDER: Final = Verdict.OUT_OF_ORDER


class MeterState(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """All of a meter that outlives the process. Nothing personal: no user is in it.

    Without gc: a commit makes thousands of them, and they hold nothing that could be part of a cycle.
    """

    total_joules: int | None = None
    session_joules: int | None = None
    sessions: int = 0
    session_open: bool = False
    last_log_unix: float | None = None
    last_created_unix: float | None = None
    energy_created_unix: float | None = None
    replaced_joules: int | None = None
    replaced_created_unix: float | None = None


class EnergyMeter:
    """One charger's meter.

    `total_joules` is None before the first document or log; `session_joules` is the last accepted energy of the
    running or last session; `last_log_unix` is the time of the last log in order.
    """

    __slots__ = (
        "_ahead",
        "_boundary",
        "_created",
        "_energy_created",
        "_gap_only",
        "_raised",
        "_replaced",
        "_run",
        "_run_created",
        "_run_verdict",
        "_user",
        "last_log_unix",
        "max_power_watts",
        "session_joules",
        "session_open",
        "sessions",
        "total_joules",
    )

    def __init__(self, max_power_watts: float, state: MeterState | None = None) -> None:
        self.max_power_watts = max_power_watts
        restored = state or MeterState()
        self.total_joules = restored.total_joules
        self.session_joules = restored.session_joules
        self.sessions = restored.sessions
        self.session_open = restored.session_open
        self.last_log_unix = restored.last_log_unix
        self._created = restored.last_created_unix
        self._energy_created = restored.energy_created_unix
        # An exporter that was not running has seen nothing: that is a gap.
        self._boundary = state is not None
        self._gap_only = state is not None
        self._user: int | None = None
        self._ahead: deque[float] | None = None
        # The energy above which a document has raised the session since its last log, and when it did.
        self._raised: tuple[int, float] | None = None
        self._replaced: tuple[int, float | None] | None = None
        if restored.replaced_joules is not None:
            self._replaced = (restored.replaced_joules, restored.replaced_created_unix)
        self._run: list[int] = []
        self._run_created: float | None = None
        self._run_verdict = ACCEPTED

    def state(self) -> MeterState:
        """What is to be kept on disk."""
        replaced, replaced_created = self._replaced or (None, None)
        return MeterState(
            self.total_joules,
            self.session_joules,
            self.sessions,
            self.session_open,
            self.last_log_unix,
            self._created,
            self._energy_created,
            replaced,
            replaced_created,
        )

    def switched_off(self) -> None:
        """The charger was seen OFF: the session is over, and the next reading may belong to a new one."""
        self.session_open = False
        self._boundary = True
        self._gap_only = False

    def gap(self) -> None:
        """Events may have been missed: a new session may have begun unseen."""
        if not self._boundary:
            self._boundary = True
            self._gap_only = True

    def observe(
        self,
        energy_joules: float | None,
        created_unix: float | None,
        user: int | None,
        now_unix: float,
    ) -> Verdict:
        """Takes a log in. All in SI units; `user` is a fingerprint that can only be compared.

        A log without an energy is judged by its order alone.
        """
        order = self._take_in_order(created_unix, now_unix)
        if order is not ACCEPTED or energy_joules is None:
            return order
        if not 0 <= energy_joules <= MAX_SESSION_JOULES:  # NaN fails both
            return Verdict.INVALID
        energy = round(energy_joules)
        if self._is_summed_up(energy, created_unix, user):
            return ACCEPTED
        verdict = self._judge(energy, created_unix, user)
        if verdict is ACCEPTED:
            self._boundary = self._gap_only = False
            self._user = user if user is not None else self._user
            self._run.clear()
            self._settle(energy, created_unix)
            return verdict
        return self._hold_back(energy, created_unix, verdict)

    def document(self, energy_joules: float | None, user: int | None, *, is_on: bool, now_unix: float) -> None:
        """Takes a document in: it may raise the meter within a session, and never lowers it.

        After a gap the document of a charger that is ON may be that of an earlier session: the next log tells.
        """
        energy = None
        if energy_joules is not None and 0 <= energy_joules <= MAX_SESSION_JOULES:
            energy = round(energy_joules)
        if self.total_joules is None:
            self.total_joules = energy or 0
            if energy is not None:
                self.session_joules = energy
            if is_on:
                self._begin_session()
            return
        if energy is None or self.session_joules is None or (is_on and self._boundary):
            return
        if user is not None and self._user is not None and user != self._user:
            return
        seconds = None if self.last_log_unix is None else max(now_unix - self.last_log_unix, 0.0)
        if self._replaced is not None and energy >= self._replaced[0]:
            # The session before the gap ended here: what looked like a new one was a blip.
            self._resume(energy)
        elif energy > self.session_joules and self._plausible(energy - self.session_joules, seconds):
            self._grow(energy - self.session_joules)
            raised_from = self._raised[0] if self._raised else self.session_joules
            self._raised = raised_from, now_unix
            self.session_joules = energy

    def _take_in_order(self, created: float | None, now: float) -> Verdict:
        """The order of logs. A time too far ahead is taken as now, so that no wrong clock silences a charger."""
        if created is None:
            return ACCEPTED  # what has no time cannot be compared, and moves no order
        ahead = created > now + CLOCK_TOLERANCE_SECONDS
        at = now if ahead else created
        if self.last_log_unix is not None and self._created is not None:
            if created == self._created:
                return DUPLICATE
            # Times ahead are compared among themselves as written: many may arrive in one instant.
            was_ahead = self._created > self.last_log_unix
            newer = created > self._created if ahead and was_ahead else at > self.last_log_unix
            if not newer and not (ahead and created > self._created):
                return OUT_OF_ORDER
            # Sent again later, a time that was ahead may look like one of a clock that has been set right.
            if self._ahead is not None and created in self._ahead:
                return OUT_OF_ORDER
            at = max(at, self.last_log_unix)
        if ahead:
            self._ahead = self._ahead or deque(maxlen=AHEAD_REMEMBERED)
            self._ahead.append(created)
        self.last_log_unix = at
        self._created = created
        return ACCEPTED

    def _judge(self, energy: int, created: float | None, user: int | None) -> Verdict:
        """Decides on an energy in order, and lets the total grow if it is accepted."""
        last = self.session_joules
        another_user = user is not None and self._user is not None and user != self._user
        if last is None:
            self._grow(energy)
            if not self.session_open:
                self._begin_session()
        elif another_user or (energy < last and self._boundary):
            self._confirm_replacement()
            self._grow(energy)
            if self._gap_only and not another_user:
                self._replaced = (last, self._energy_created)  # counted as a session when the next reading confirms it
                self.session_open = True
            else:
                self._begin_session()
        elif energy < last:
            return Verdict.ENERGY_GLITCH
        elif self._continues_replaced(energy, created):
            return ACCEPTED
        elif not self._plausible(energy - last, self._since(self._energy_created, created)):
            return Verdict.IMPLAUSIBLE
        else:
            if not self.session_open and (last == 0 or self.sessions == 0):
                self._begin_session()
            self._grow(energy - last)
            self.session_open = True
        return ACCEPTED

    def _is_summed_up(self, energy: int, created: float | None, user: int | None) -> bool:
        """Whether a document has already told more of the same session: then the log is late, and adds nothing."""
        if self._raised is None or self.session_joules is None or created is None:
            return False
        raised_from, raised_at = self._raised
        same_user = user is None or self._user is None or user == self._user
        return same_user and created <= raised_at and raised_from <= energy < self.session_joules

    def _continues_replaced(self, energy: int, created: float | None) -> bool:
        """Whether the fall just after a gap was a blip: the session before the gap goes on as if it had not been.

        Without this, a blip to 0 as the first reading after a gap would count the whole session twice.
        """
        if self._replaced is None:
            return False
        before, before_created = self._replaced
        blip = self.session_joules or 0
        back = energy >= before and self._plausible(energy - before, self._since(before_created, created))
        if back and not (blip and self._plausible(energy - blip, self._since(self._energy_created, created))):
            self._resume(energy)
            return True
        self._confirm_replacement()
        return False

    def _resume(self, energy: int) -> None:
        """Goes on with the session that a blip had replaced."""
        before, _ = self._replaced or (0, None)
        self._grow(max(energy - before - (self.session_joules or 0), 0))
        self._replaced = None
        self.session_joules = energy

    def _confirm_replacement(self) -> None:
        """The session that a fall after a gap told of was real."""
        if self._replaced is not None:
            self._replaced = None
            self.sessions += 1

    def _hold_back(self, energy: int, created: float | None, verdict: Verdict) -> Verdict:
        """Counts readings of one kind that agree among themselves: three in a row are no accident."""
        since = self._since(self._run_created, created)
        agrees = (
            bool(self._run)
            and verdict is self._run_verdict
            and energy >= self._run[-1]
            and (verdict is Verdict.ENERGY_GLITCH or self._plausible(energy - self._run[-1], since))
        )
        if not agrees:
            self._run.clear()
        self._run.append(energy)
        self._run_created = created
        self._run_verdict = verdict
        if len(self._run) >= READINGS_THAT_PROVE:
            self._run.clear()
            if verdict is Verdict.ENERGY_GLITCH:
                self._grow(energy)
                self._begin_session()
            self._settle(energy, created)
        return verdict

    def _settle(self, energy: int, created: float | None) -> None:
        self.session_joules = energy
        self._raised = None
        if created is not None:
            self._energy_created = created

    def _begin_session(self) -> None:
        self.sessions += 1
        self.session_open = True

    def _grow(self, joules: int) -> None:
        self.total_joules = (self.total_joules or 0) + joules

    def _plausible(self, rise_joules: int, seconds: float | None) -> bool:
        return seconds is None or rise_joules - POWER_SLACK_JOULES <= self.max_power_watts * seconds

    @staticmethod
    def _since(earlier: float | None, later: float | None) -> float | None:
        """Seconds between two times of the charger's own clock; None if that cannot be told."""
        if earlier is None or later is None or later <= earlier:
            return None
        return later - earlier
