"""A veCharge service on a Socket.IO server in Node.js: `server.js`, started and controlled from Python."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import requests

from tests.node.packages import installed
from tests.processes import SECONDS, Process, RunningServer

HERE = Path(__file__).parent
# "2": socket.io 2.5.1. "4": socket.io 4. "4+3": socket.io 4 that also admits clients of the older protocol.
Generation = Literal["2", "4", "4+3"]


class Connection(NamedTuple):
    """One Engine.IO connection that the server has seen; `accepted`: its token was."""

    charger: str
    token: str
    sid: str
    at: float
    open: bool
    accepted: bool
    transport: str


def modules() -> Path:
    """The folder of the Socket.IO servers' packages."""
    return installed(HERE)


class NodeService(RunningServer):
    """A running server. Times are in milliseconds, as in Node.js."""

    def __init__(
        self,
        output: Path,
        generation: Generation = "2",
        *,
        ping_interval: int = 25_000,
        ping_timeout: int = 5_000,
        port: int = 0,
    ) -> None:
        options = {
            "generation": generation,
            "pingInterval": ping_interval,
            "pingTimeout": ping_timeout,
            "port": port,
        }
        paths = {"NODE_PATH": str(modules())}
        self.process = Process("node", HERE / "server.js", json.dumps(options), output=output, env=paths)
        self.port = int(self.process.wait_for_line(r"listening on (\d+)")[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def state(self) -> dict[str, Any]:
        """`connections`, `handshakes` and `most_at_once`, as `server.js` keeps them."""
        return self._control("state")

    def connections(self, charger: str | None = None) -> list[Connection]:
        """All connections so far in order, or those of one charger."""
        known = [Connection(**entry) for entry in self.state()["connections"]]
        return [one for one in known if charger in (None, one.charger)]

    def open_connections(self, charger: str) -> list[Connection]:
        return [one for one in self.connections(charger) if one.open]

    def accepted(self, charger: str) -> list[Connection]:
        """The open connections of the charger whose token was accepted."""
        return [one for one in self.open_connections(charger) if one.accepted]

    def most_at_once(self, charger: str) -> int:
        """The largest number of connections of the charger that were open at the same time."""
        return int(self.state()["most_at_once"].get(charger, 0))

    def handshakes(self, charger: str) -> list[dict[str, Any]]:
        """The query of every request for a new connection, refused ones included, with its time `at`."""
        return [one for one in self.state()["handshakes"] if one.get("chargerId") == charger]

    def rules(self, **rules: str | int | bool | None) -> None:
        """Set rules of `server.js`; None removes one."""
        self._control("rules", rules)

    def document(self, charger: str, document: Any) -> None:
        """Set the document of the charger's next `chargerConnected`."""
        self._control("document", {"charger": charger, "document": document})

    def emit(
        self,
        charger: str,
        event: str,
        payload: Any,
        form: Literal["object", "text", "raw", "binary"] = "object",
        count: int = 1,
    ) -> None:
        command = {"charger": charger, "event": event, "payload": payload, "as": form, "count": count}
        self._control("emit", command)

    def emit_each(self, charger: str, event: str, payloads: Sequence[Any]) -> None:
        """Emit one event for each payload at once: over polling they are in one reply."""
        self._control("emitEach", {"charger": charger, "event": event, "payloads": list(payloads)})

    def error(self, charger: str, text: str) -> None:
        """Emit the event `error`."""
        self._control("error", {"charger": charger, "text": text})

    def off(self, charger: str) -> None:
        """Send status OFF and disconnect from the namespace; the transport stays open."""
        self._control("off", {"charger": charger})

    def disconnect(self, charger: str, *, close: bool = False) -> None:
        self._control("disconnect", {"charger": charger, "close": close})

    def cut(self, charger: str) -> None:
        """Break the transport."""
        self._control("cut", {"charger": charger})

    def silence(self, charger: str) -> None:
        """Keep the connection open and send nothing more over it."""
        self._control("silence", {"charger": charger})

    def _control(self, name: str, command: Any = None) -> dict[str, Any]:
        response = requests.post(f"{self.url}/control/{name}", json=command or {}, timeout=SECONDS)
        assert response.ok, response.text
        state: dict[str, Any] = response.json()
        return state
