"""A real Prometheus that scrapes the exporter."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import requests
import yaml

from tests.processes import SECONDS, PrometheusServer, wait_until


class Sample(NamedTuple):
    labels: Mapping[str, str]
    value: float


class Prometheus(PrometheusServer):
    """A Prometheus on loopback that scrapes `targets` ("host:port") and keeps its data in `folder`.

    `scrape` and `config` add to the scrape job and to the whole configuration. The first scrape is 5 s after the
    start: Prometheus gathers its targets for that long.
    """

    def __init__(
        self,
        binary: Path,
        folder: Path,
        targets: Sequence[str],
        *,
        interval: str = "1s",
        scrape: Mapping[str, Any] | None = None,
        config: Mapping[str, Any] | None = None,
        flags: Sequence[str] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        job = {"job_name": "vecharge", "static_configs": [{"targets": list(targets)}], **(scrape or {})}
        file = folder / "prometheus.yml"
        times = {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval}
        file.write_text(yaml.safe_dump({"global": times, "scrape_configs": [job], **(config or {})}))
        storage = f"--storage.tsdb.path={folder / 'data'}"
        super().__init__(binary, f"--config.file={file}", storage, *flags, output=folder / "prometheus.log")

    def query(self, promql: str) -> list[Sample]:
        """The current instant vector of `promql`, or the value of a scalar."""
        found = self._get("query", query=promql)
        if found["resultType"] == "scalar":
            return [Sample({}, float(found["result"][1]))]
        return [Sample(one["metric"], float(one["value"][1])) for one in found["result"]]

    def stored(self, selector: str) -> list[tuple[Mapping[str, str], list[float]]]:
        """The samples of each series of a range vector selector, oldest first."""
        found = self._get("query", query=selector)["result"]
        return [(one["metric"], [float(value) for _, value in one["values"]]) for one in found]

    def targets(self) -> list[dict[str, Any]]:
        """Every target with its `health`, `lastError`, `scrapeUrl`."""
        targets: list[dict[str, Any]] = self._get("targets", state="active")["activeTargets"]
        return targets

    def alerts(self) -> list[dict[str, Any]]:
        """Every pending or firing alert."""
        alerts: list[dict[str, Any]] = self._get("alerts")["alerts"]
        return alerts

    def wait_for_scrapes(self, seconds: float = SECONDS) -> None:
        """Wait until every target has been scraped successfully."""

        def all_up() -> bool:
            targets = self.targets()
            return bool(targets) and all(target["health"] == "up" for target in targets)

        wait_until(all_up, "every target up", seconds)

    def wait_for(
        self, promql: str, accept: Callable[[list[Sample]], bool] = bool, seconds: float = SECONDS
    ) -> list[Sample]:
        """Wait for a result of `promql` that `accept` accepts; by default any that is not empty."""

        def accepted() -> tuple[list[Sample]] | None:
            samples = self.query(promql)
            return (samples,) if accept(samples) else None

        found = wait_until(accepted, f"an acceptable answer to {promql}", seconds)
        assert found
        return found[0]

    def _get(self, what: str, **parameters: str) -> Any:
        response = requests.get(f"{self.url}/api/v1/{what}", parameters, timeout=SECONDS)
        document = response.json()
        assert document["status"] == "success", document.get("error")
        return document["data"]
