"""The chargers that a running program watches, from its metrics and the service."""

import signal
from typing import Any

import yaml

from tests.end_to_end.program import Exporter
from tests.node.service import NodeService
from tests.processes import wait_until

RELOADED = "vecharge_exporter_config_last_reload_successful"


def configure(exporter: Exporter, accounts: list[dict[str, Any]]) -> None:
    """Write the configuration and send SIGHUP."""
    (exporter.folder / "config.yml").write_text(yaml.safe_dump({"accounts": accounts}))
    exporter.process.signal(signal.SIGHUP)


def watched(exporter: Exporter) -> set[str]:
    return set(exporter.values("vecharge_stream_connected"))


def sids(node: NodeService, charger: str) -> list[str]:
    """The session ids of all connections of the charger so far."""
    return [connection.sid for connection in node.connections(charger)]


def wait_until_connected(exporter: Exporter, *chargers: str) -> None:
    wait_until(
        lambda: (
            [exporter.values("vecharge_stream_connected").get(charger) for charger in chargers] == [1.0] * len(chargers)
        ),
        f"{chargers} connected",
    )


def gauge(exporter: Exporter, name: str) -> float:
    [line] = [line for line in exporter.scrape().splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[1])
