"""A real Alertmanager."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import requests

from tests.processes import SECONDS, PrometheusServer


class Alertmanager(PrometheusServer):
    """An Alertmanager on loopback, without peers, with its data in `folder`."""

    def __init__(self, binary: Path, folder: Path, config_file: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(
            binary,
            f"--config.file={config_file}",
            f"--storage.path={folder / 'data'}",
            "--cluster.listen-address=",
            output=folder / "alertmanager.log",
        )

    def receive(self, alerts: Iterable[Mapping[str, str]]) -> None:
        """Takes alerts, given by their labels, as Prometheus would post them."""
        response = requests.post(
            f"{self.url}/api/v2/alerts", json=[{"labels": dict(labels)} for labels in alerts], timeout=SECONDS
        )
        response.raise_for_status()

    def alerts(self) -> list[dict[str, Any]]:
        """Every alert with its `labels`, and in `status` what mutes it."""
        return self._get("alerts")

    def silences(self) -> list[dict[str, Any]]:
        """Every silence, including expired ones."""
        return self._get("silences")

    def _get(self, what: str) -> list[dict[str, Any]]:
        response = requests.get(f"{self.url}/api/v2/{what}", timeout=SECONDS)
        response.raise_for_status()
        found: list[dict[str, Any]] = response.json()
        return found
