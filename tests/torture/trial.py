"""Random faults, while a real Prometheus scrapes every second.

A session is ended only once the exporter has shown all of it: what was lost otherwise, no exporter could know. All
the rest may happen at any moment.
"""

import json
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import NamedTuple, Self

from tests.end_to_end.program import PROGRAM, Exporter, account
from tests.processes import SECONDS, wait_until
from tests.prometheus import Prometheus
from tests.simulated import SimulatedService

SPEED = 60.0  # simulated seconds per second
CHARGERS = 6  # of each account
FAULTS = 0.1  # of a log: resent, out of order, blips to 0, bursts, corrupt, documents that lie
ENERGY = "vecharge_charger_energy_joules_total"
STEP_SECONDS = 0.1
# A session that begins unseen is recognised by its lower energy: each lasts far longer than a restart.
SESSION_SECONDS = (15.0, 30.0)
IDLE_SECONDS = (0.5, 3.0)
SETTLE_SECONDS = 90.0


class Phase(Enum):
    IDLE = "idle"
    CHARGING = "charging"
    ENDING = "ending"  # no more logs; it ends once the exporter has shown the last one


@dataclass
class TrialCharger:
    """A charger, its phase and when the phase ends (monotonic seconds)."""

    service: SimulatedService
    charger: str
    phase: Phase
    until: float


class TrialSession(NamedTuple):
    """A session: unix seconds of the simulated clock, and kWh. `last_log` is the end, where that is not known."""

    began: float
    last_log: float
    ended: float | None
    kwh: float
    began_by: str = ""


@dataclass(frozen=True)
class Outcome:
    """By charger, in joules: the truth, the exporter's counter, and the results of Prometheus."""

    truth: dict[str, int]
    counted: dict[str, float]
    stored: dict[str, list[float]]
    resets: dict[str, float]
    increase: dict[str, float]
    done: Counter[str]
    # The true sessions, and those of the exporter's list.
    true_sessions: dict[str, list[TrialSession]]
    listed: dict[str, list[TrialSession]]


class Trial:
    """One run with one seed and its processes; as a context manager it stops them."""

    def __init__(self, folder: Path, prometheus: Path, seed: int, seconds: float) -> None:
        self._random = random.Random(seed)
        self._folder = folder
        self._seconds = seconds
        self._started = time.monotonic()
        self._running = ExitStack()
        self.done: Counter[str] = Counter()
        self._services = [self._service(number, seed + number) for number in range(2)]
        # Ids are unique over all accounts: each service simulates all, and each account watches its own half.
        ids = self._services[0].charger_ids
        self._chargers = [
            TrialCharger(service, charger, Phase.IDLE, self._soon(IDLE_SECONDS))
            for service, chargers in zip(self._services, (ids[:CHARGERS], ids[CHARGERS:]), strict=True)
            for charger in chargers
        ]
        self._port = _port_that_stays_free(self._random)
        self._exporter: Exporter | None = self._start_exporter()
        self._prometheus = self._running.enter_context(
            Prometheus(prometheus, folder / "prometheus", [f"127.0.0.1:{self._port}"])
        )
        self._prometheus.wait_for_scrapes()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._exporter:
            self._exporter.process.stop()
        self._running.close()

    def run(self, kills: int) -> Outcome:
        """Run for the given time, wait until everything has settled, and collect the results."""
        begun, every = time.monotonic(), self._seconds / kills
        for number in range(kills):
            self._torture(until=begun + every * (number + self._random.uniform(0.3, 1.0)))
            self._kill()
        # A short run may lack one of these by chance.
        self._restart_a_service()
        self._break_a_transport()
        self._lose_a_wifi()
        self._torture(until=time.monotonic() + 2.0)
        # Also on a busy machine, which may not have begun a second session of any charger by now.
        deadline = time.monotonic() + SETTLE_SECONDS
        while self.done["sessions"] <= len(self._chargers) and time.monotonic() < deadline:
            self._torture(until=time.monotonic() + 1.0)
        self._come_to_rest()
        return self._outcome()

    def _torture(self, until: float) -> None:
        while time.monotonic() < until:
            counted = self._counted()
            truth = self._truth()
            for watched in self._chargers:
                self._next_phase(watched, counted.get(watched.charger), truth[watched.charger])
            self._mischief()
            time.sleep(STEP_SECONDS)

    def _next_phase(self, watched: TrialCharger, counted: float | None, true: int) -> None:
        match watched.phase:
            case Phase.IDLE if time.monotonic() >= watched.until:
                self._begin(watched)
            case Phase.CHARGING if time.monotonic() >= watched.until:
                watched.service.act("pause", watched.charger)
                watched.phase = Phase.ENDING
            case Phase.ENDING if counted == true:
                watched.service.act("off", watched.charger)
                watched.phase, watched.until = Phase.IDLE, self._soon(IDLE_SECONDS)
            case Phase.ENDING:
                # The last log may have been lost: send another one.
                watched.service.act("log", watched.charger)
            case _:
                pass

    def _begin(self, watched: TrialCharger) -> None:
        watched.service.act("resume", watched.charger)
        watched.service.act("on", watched.charger)
        watched.phase, watched.until = Phase.CHARGING, self._soon(SESSION_SECONDS)
        self.done["sessions"] += 1

    def _mischief(self) -> None:
        """Sometimes restart a service, break a transport or fail a Wi-Fi."""
        chance = self._random.random()
        if chance < 0.01:
            self._restart_a_service()
        elif chance < 0.03:
            self._break_a_transport()
        elif chance < 0.05:
            self._lose_a_wifi()

    def _restart_a_service(self) -> None:
        self._random.choice(self._services).post("restart", seconds=self._random.uniform(0.2, 1.0))
        self.done["restarts of a service"] += 1

    def _break_a_transport(self) -> None:
        watched = self._random.choice(self._chargers)
        watched.service.act("drop", watched.charger)
        self.done["broken transports"] += 1

    def _lose_a_wifi(self) -> None:
        watched = self._random.choice(self._chargers)
        watched.service.act("offline", watched.charger, seconds=self._random.uniform(0.2, 1.0) * SPEED)
        self.done["Wi-Fi outages"] += 1

    def _kill(self) -> None:
        """kill -9; some chargers begin a session while the exporter is down."""
        assert self._exporter
        self._exporter.process.signal(signal.SIGKILL)
        self._exporter.process.wait_for_end()
        self.done["kill -9"] += 1
        for watched in self._chargers:
            if watched.phase is Phase.IDLE and self._random.random() < 0.5:
                self._begin(watched)
                self.done["sessions begun unseen"] += 1
        self._exporter = None
        self._exporter = self._start_exporter()

    def _come_to_rest(self) -> None:
        """Wait until every session has sent its last energy and Prometheus has scraped it."""
        for watched in self._chargers:
            watched.service.act("online", watched.charger)
            watched.service.act("pause", watched.charger)

        def settled() -> bool:
            for watched in self._chargers:
                watched.service.act("log", watched.charger)
            return self._counted() == self._truth()

        # Errors that remain after this time are in the outcome.
        deadline = time.monotonic() + SETTLE_SECONDS
        while not settled() and time.monotonic() < deadline:
            time.sleep(STEP_SECONDS)
        last = self._counted()
        self._prometheus.wait_for(
            ENERGY, lambda samples: {one.labels["charger_id"]: one.value for one in samples} == last
        )

    def _outcome(self) -> Outcome:
        window = f"{ENERGY}[{int(time.monotonic() - self._started) + 60}s]"
        stored = self._prometheus.stored(window)
        return Outcome(
            truth=self._truth(),
            counted=self._counted(),
            stored={labels["charger_id"]: values for labels, values in stored},
            resets=self._by_charger(f"resets({window})"),
            increase=self._by_charger(f"increase({window})"),
            done=self.done,
            true_sessions=self._true_sessions(),
            listed=self._listed(),
        )

    def _true_sessions(self) -> dict[str, list[TrialSession]]:
        sessions = [service.sessions() for service in self._services]
        return {
            watched.charger: [
                TrialSession(each["began_unix"], each["last_log_unix"], each["ended_unix"], each["energy_kwh"])
                for each in sessions[self._services.index(watched.service)][watched.charger]
            ]
            for watched in self._chargers
        }

    def _listed(self) -> dict[str, list[TrialSession]]:
        """The list of sessions, read while the exporter runs."""
        storage = self._folder / "exporter" / "data"
        command = [str(PROGRAM), "sessions", f"--storage.path={storage}", "--format=json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=SECONDS)
        listed: dict[str, list[TrialSession]] = {watched.charger: [] for watched in self._chargers}
        for each in json.loads(done.stdout)["sessions"]:
            ended = None if each["ended"] is None else datetime.fromisoformat(each["ended"]).timestamp()
            began = datetime.fromisoformat(each["began"]).timestamp()
            listed[each["charger_id"]].append(
                TrialSession(began, ended or began, ended, each["energy_kwh"], each["began_by"])
            )
        return listed

    def _by_charger(self, promql: str) -> dict[str, float]:
        return {one.labels["charger_id"]: one.value for one in self._prometheus.query(promql)}

    def _counted(self) -> dict[str, float]:
        assert self._exporter
        return self._exporter.values(ENERGY)

    def _truth(self) -> dict[str, int]:
        joules = [service.joules() for service in self._services]
        return {
            watched.charger: joules[self._services.index(watched.service)][watched.charger]
            for watched in self._chargers
        }

    def _soon(self, span: tuple[float, float]) -> float:
        return time.monotonic() + self._random.uniform(*span)

    def _service(self, number: int, seed: int) -> SimulatedService:
        return self._running.enter_context(
            SimulatedService(
                self._folder / f"service-{number}",
                command=(sys.executable, "-m", "tests.torture.service"),
                chargers=2 * CHARGERS,
                seed=seed,
                faults=FAULTS,
                speed=SPEED,
                seconds=2 * self._seconds + 300.0,
            )
        )

    def _start_exporter(self) -> Exporter:
        accounts = []
        for number, service in enumerate(self._services):
            chargers = [watched.charger for watched in self._chargers if watched.service is service]
            accounts.append(account(service.url, service.token, chargers, f"account-{number}"))
        return Exporter(self._folder / "exporter", {"accounts": accounts}, port=self._port)


def _port_that_stays_free(rng: random.Random) -> int:
    """A port outside of the range of outgoing connections, so that it stays free during a restart."""

    def free() -> int | None:
        port = rng.randrange(20_000, 30_000)
        with socket.socket() as probe:
            return None if probe.connect_ex(("127.0.0.1", port)) == 0 else port

    port = wait_until(free, "a free port")
    assert port
    return port
