"""The vendor's example, after its text of January 2022: python-socketio's Client and a callback per event.

    python vendor_example.py URL TOKEN CHARGER

Every payload is JSON text, which the callbacks decode. A line per event is printed, for the test that runs it.
"""

import json
import sys
from urllib.parse import urlencode

import socketio


def say(*words: object) -> None:
    """Print a line in one piece: callbacks run in threads of their own."""
    print(" ".join(map(str, words)) + "\n", end="", flush=True)


def main(url: str, token: str, charger: str) -> None:
    client = socketio.Client(reconnection=False)

    @client.on("connect")  # type: ignore[untyped-decorator]
    def connect() -> None:
        say("connected")

    @client.on("chargerConnected")  # type: ignore[untyped-decorator]
    def charger_connected(payload: str) -> None:
        document = json.loads(payload)["_doc"]
        say("document", document["_id"], document["status"])

    @client.on("statusChanged")  # type: ignore[untyped-decorator]
    def status_changed(payload: str) -> None:
        say("status", json.loads(payload)["status"])

    @client.on("newLog")  # type: ignore[untyped-decorator]
    def new_log(payload: str) -> None:
        log = json.loads(payload)
        float(log["voltage"]), float(log["current"]), float(log["power"])
        say("log", log["energy"])

    @client.on("disconnect")  # type: ignore[untyped-decorator]
    def disconnect() -> None:
        say("disconnected")

    query = urlencode({"token": f"Bearer {token}", "chargerId": charger})
    client.connect(f"{url}?{query}", transports=["websocket"])
    sys.stdin.read()
    client.disconnect()


if __name__ == "__main__":
    main(*sys.argv[1:])
