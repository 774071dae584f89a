"""A process that is a minimal veCharge service: Engine.IO 3 over websockets, with frames made beforehand.

It sends more logs from one core than the simulator can. A client's token names its group; `send` sends logs to every
client of a group, evenly spread over time.
"""

import asyncio
import base64
import hashlib
import json
import re
import ssl
import struct
import sys
import time
from collections import defaultdict
from typing import Final, cast
from urllib.parse import unquote

import uvloop

from benchmarks.charging import rfc3339
from benchmarks.processes import answer_commands

WEBSOCKET_GUID: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
OPEN: Final = '0{"sid":"benchmark","upgrades":[],"pingInterval":25000,"pingTimeout":60000}'
SLICES: Final = 20  # into which one log for every client is spread
LOG_SECONDS: Final = 10  # between the createdAt of two logs, whenever they are sent
MASKED_CLOSE: Final = 0x88


def frame(text: str) -> bytes:
    """A websocket frame of the server."""
    payload = text.encode()
    size = len(payload)
    return (struct.pack("!BB", 0x81, size) if size < 126 else struct.pack("!BBH", 0x81, 126, size)) + payload


class Stream(asyncio.Protocol):
    """One client."""

    def __init__(self, groups: "defaultdict[str, list[Stream]]") -> None:
        self.charger_id = ""
        self.logs = 0
        self._groups = groups
        self._received = b""
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """A handshake; after it, pings."""
        self._received += data
        if not self._is_open:
            head, end, self._received = self._received.partition(b"\r\n\r\n")
            if not end:
                self._received = head
                return
            self._join(head.decode())
        while len(self._received) >= 6:
            size = 6 + (self._received[1] & 0x7F)
            if len(self._received) < size:
                return
            packet, self._received = self._received[:size], self._received[size:]
            if packet[0] == MASKED_CLOSE:
                self.transport.close()
            elif packet[6] ^ packet[2] == ord("2"):
                self.transport.write(frame("3"))

    def _join(self, head: str) -> None:
        self._is_open = True
        query = head.partition("\r\n")[0]
        found = re.search(r"token=(?:Bearer%20)?([^&\s]+)&chargerId=([^&\s]+)", query)
        key = re.search(r"(?im)^sec-websocket-key:\s*(\S+)", head)
        assert found
        assert key
        self.charger_id = unquote(found[2])
        accept = base64.b64encode(hashlib.sha1((key[1] + WEBSOCKET_GUID).encode()).digest()).decode()  # noqa: S324
        document = {"_doc": {"_id": self.charger_id, "status": "ON", "energy": 0, "wifiConnectivity": True}}
        event = "42" + json.dumps(["chargerConnected", document])
        self.transport.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        self.transport.write(frame(OPEN) + frame("40") + frame(event))
        self._groups[found[1]].append(self)

    def log(self, text: str) -> None:
        """Sends a log; the id of the charger is inserted last."""
        self.transport.write(frame(text.replace("CHARGER", self.charger_id)))
        self.logs += 1


class Service:
    """The commands of the process."""

    def __init__(self) -> None:
        self.groups: defaultdict[str, list[Stream]] = defaultdict(list)
        self._sent: defaultdict[str, int] = defaultdict(int)
        self._start = time.time()

    def streams(self, group: str) -> int:
        """How many clients a group has."""
        return len(self.groups[group])

    async def send(self, group: str, rounds: int, every: float) -> int:
        """Sends `rounds` logs to every client, one every `every` seconds; returns how many were sent so far."""
        loop = asyncio.get_running_loop()
        streams = self.groups[group]
        turn = loop.time()
        for _ in range(rounds):
            self._sent[group] += 1
            text = self._log(self._sent[group])
            for first in range(SLICES):
                for stream in streams[first::SLICES]:
                    stream.log(text)
                turn += every / SLICES
                await asyncio.sleep(max(0.0, turn - loop.time()))
        return sum(stream.logs for stream in streams)

    def _log(self, number: int) -> str:
        log = {
            "deviceId": "veChargePoint0125896",
            "voltage": f"{230 + number % 7 / 10:.2f}",
            "current": f"{30 + number % 9 / 10:.2f}",
            "power": f"{7000 + number % 11 * 10:.2f}",
            "energy": round(number * 0.02, 2),
            "createdAt": rfc3339(self._start - 100_000 + number * LOG_SECONDS),
            "userId": "somebody",
            "chargerId": "CHARGER",
        }
        return "42" + json.dumps(["newLog", json.dumps(log)])


async def serve(certificate: str = "", key: str = "") -> None:
    """Serve until the input ends: over TLS if there is a certificate."""
    service = Service()
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
    server = await asyncio.get_running_loop().create_server(
        lambda: Stream(service.groups), "127.0.0.1", 0, backlog=4096, ssl=tls
    )
    scheme = "https" if tls else "http"
    await answer_commands(f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}", service)
    server.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(*sys.argv[1:]))
