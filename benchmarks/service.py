"""A process that is the simulated service, and notes when handshakes came."""

import asyncio
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import uvloop

from benchmarks.processes import answer_commands
from exporter.gc_tuning import collect_rarely
from exporter.simulator import STEADY, Simulator, SimulatorOptions


class Watched:
    """The commands of the process."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._service = simulator.service
        self._handshakes: list[float] = []
        self._refusal = self._service.refusal
        self._service.refusal = self._noted  # type: ignore[method-assign]

    def connected(self) -> int:
        """How many streams there are."""
        return sum(served.stream is not None for served in self._service.chargers.values())

    def handshakes(self) -> list[float]:
        """When each came since the last time this was asked, in monotonic seconds."""
        came, self._handshakes = self._handshakes, []
        return came

    def hold_still(self) -> dict[str, tuple[int, int]]:
        """Stop the logs; return the number sent and the true total, in hundredths of a kWh, of every charger."""
        totals = {}
        for charger_id, served in self._service.chargers.items():
            self._service.catch_up(served)
            served.charger.pause()
            totals[charger_id] = (served.charger.tally.logs_sent, served.charger.total_hundredths)
        return totals

    def go_on(self) -> bool:
        """Logs again."""
        for served in self._service.chargers.values():
            served.charger.resume(self._service.clock.now())
            self._service.schedule(served)
        return True

    def restart(self, seconds: float) -> bool:
        """Every connection breaks, none is accepted for so long."""
        self._simulator.restart(seconds)
        return True

    def _noted(self, query: Mapping[str, str]) -> str | None:
        self._handshakes.append(time.monotonic())
        return self._refusal(query)


async def serve(chargers: int, certificate: Path | None = None, key: Path | None = None) -> None:
    """Serve until the input ends, over TLS if there is a certificate: every charger sends a log per second."""
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    collect_rarely()  # as the program does
    options = SimulatorOptions(
        chargers=chargers, log_interval=1.0, seed=1, plan=STEADY, tls_cert=certificate, tls_key=key
    )
    async with Simulator(options) as simulator:
        started = {"url": simulator.url, "token": simulator.token, "chargers": simulator.charger_ids}
        await answer_commands(started, Watched(simulator))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1]), *map(Path, sys.argv[2:])))
