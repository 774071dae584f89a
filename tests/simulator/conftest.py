import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from exporter.simulator import STEADY, Simulator, SimulatorOptions
from tests.simulator.client import DEADLINE_SECONDS

# The files of a server's tasks. Clients have tasks in the same loop.
SERVER_CODE = re.compile(r"exporter/simulator/|aiohttp/web|engineio/async(io)?_(server|socket)")


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """Four charging chargers with a log per ten simulated seconds, at a minute per second."""
    async with Simulator(SimulatorOptions(chargers=4, speed=60, seed=1, payloads="mixed", plan=STEADY)) as running:
        yield running
    await no_server_task()


async def no_server_task() -> None:
    """Wait until no task of a server runs."""
    async with asyncio.timeout(2):
        while any(SERVER_CODE.search(code_of(task)) for task in asyncio.all_tasks()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def code_of(task: asyncio.Task[Any]) -> str:
    """The file that a task's coroutine was written in."""
    return getattr(getattr(task.get_coro(), "cr_code", None), "co_filename", "")


class Http:
    """Sends requests to a simulator and expects status 200."""

    def __init__(self, simulator: Simulator, session: aiohttp.ClientSession) -> None:
        self._simulator = simulator
        self._session = session

    async def get(self, path: str) -> Any:
        return await self._ask("GET", path, {})

    async def post(self, path: str, **parameters: Any) -> Any:
        return await self._ask("POST", path, parameters)

    async def act(self, charger: str, action: str, **parameters: Any) -> None:
        await self.post(f"/simulator/chargers/{charger}/{action}", **parameters)

    async def total(self, charger: str) -> dict[str, Any]:
        """The charger's row of the totals."""
        totals = await self.get("/simulator/totals")
        row: dict[str, Any] = next(row for row in totals["chargers"] if row["id"] == charger)
        return row

    async def until_unheard(self, charger: str) -> None:
        """Wait until the service has noticed that the charger's client disconnected."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (await self.total(charger))["connected"]:
            assert time.monotonic() < deadline, f"{charger} is still connected"
            await asyncio.sleep(0.01)

    async def status(self, method: str, path: str, **request: Any) -> int:
        """The status of the response to any request."""
        async with self._session.request(method, self._simulator.url + path, **request) as response:
            return response.status

    async def switch(self, charger: str, status: str, *, authorization: str | None = None) -> int:
        """The vendor's switch; the status of its answer."""
        return await self.status(
            "PATCH",
            "/api/v1/charger/chargerDesiredState",
            json={"status": status, "chargerId": charger},
            headers={"Authorization": authorization or f"Bearer {self._simulator.token}"},
        )

    async def _ask(self, method: str, path: str, parameters: dict[str, Any]) -> Any:
        async with self._session.request(method, self._simulator.url + path, json=parameters) as response:
            assert response.status == 200, await response.text()
            return await response.json()


@pytest.fixture
async def http(simulator: Simulator) -> AsyncIterator[Http]:
    async with aiohttp.ClientSession() as session:
        yield Http(simulator, session)
