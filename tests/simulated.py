"""A simulated veCharge service in its own process, controlled by its endpoints."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

from tests.end_to_end.program import PROGRAM, account
from tests.processes import SECONDS, Process, RunningServer, wait_until

JOULES_PER_KWH = 3_600_000
SIMULATE = (PROGRAM, "simulate", "--listen-address=127.0.0.1:0")


class SimulatedService(RunningServer):
    """A running `vecharge-exporter simulate`."""

    def __init__(
        self,
        folder: Path,
        *,
        command: Sequence[str | Path] = SIMULATE,
        authority: Path | None = None,
        **options: float | Path,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Of the service's certificate, if it has one.
        self.authority = authority
        arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        # One connection for all requests: over TLS each costs a handshake.
        self._http = requests.Session()
        self.process = Process(*command, *arguments, output=folder / "simulator.log")
        printed = self.process.wait_for_line(r"VECHARGE_URL=(\S+) VECHARGE_TOKEN=(\S+)\n")
        self.url = printed[1]
        self.token = folder / "token"
        self.token.write_text(printed[2])
        self.charger_ids = list(self.totals())

    def __exit__(self, *error: object) -> None:
        self._http.close()
        super().__exit__(*error)

    def account(self, name: str = "test") -> dict[str, Any]:
        """The configuration of an account that watches all of its chargers."""
        return account(self.url, self.token, self.charger_ids, name)

    def totals(self) -> dict[str, dict[str, Any]]:
        """The true state of each charger."""
        rows = self._ask("GET", "totals").json()["chargers"]
        return {row["id"]: row for row in rows}

    def joules(self) -> dict[str, int]:
        """The true total of each charger."""
        return {name: round(row["total_kwh"] * JOULES_PER_KWH) for name, row in self.totals().items()}

    def sessions(self) -> dict[str, list[dict[str, Any]]]:
        """The true sessions of each charger that have delivered energy, oldest first."""
        sessions: dict[str, list[dict[str, Any]]] = self._ask("GET", "sessions").json()
        return sessions

    def act(self, action: str, charger: str = "all", **parameters: Any) -> None:
        """Do an action on chargers: see exporter.simulator."""
        self.post(f"chargers/{charger}/{action}", **parameters)

    def post(self, path: str, **parameters: Any) -> None:
        answer = self._ask("POST", path, parameters)
        assert answer.status_code == requests.codes.ok, answer.text

    def wait_until_watched(self) -> None:
        """Wait until every charger has its stream."""
        wait_until(lambda: all(row["connected"] for row in self.totals().values()), "every charger watched")

    def _ask(self, method: str, path: str, parameters: dict[str, Any] | None = None) -> requests.Response:
        """Wait for the response: the service may be restarting."""

        def answered() -> list[requests.Response]:
            try:
                url, verify = f"{self.url}/simulator/{path}", str(self.authority) if self.authority else True
                return [self._http.request(method, url, json=parameters, timeout=SECONDS, verify=verify)]
            except requests.ConnectionError:
                return []

        return wait_until(answered, f"an answer of the simulator to {path}")[0]
