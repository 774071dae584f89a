"""prometheus-client with the same samples: what the page of the exporter is held to, in its bytes and its time."""

from collections.abc import Sequence

import prometheus_client

from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.metrics.metric import Metric, Series
from exporter.metrics.table import CHARGER_METRICS


class Reference:
    """A registry with a Gauge or Counter a row of METRICS, as an exporter written with prometheus-client has it."""

    def __init__(self, chargers: Sequence[Charger]) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = prometheus_client.CollectorRegistry()
        self._rows = [_Row(metric, chargers, self.registry) for metric in CHARGER_METRICS]

    def set(self, now: Moment) -> None:
        """Sets every sample to what the chargers show now."""
        for row in self._rows:
            row.set(now)

    def page(self) -> bytes:
        """What prometheus-client makes of it."""
        return prometheus_client.generate_latest(self.registry)


class _Row:
    def __init__(
        self, metric: Metric[Charger], chargers: Sequence[Charger], registry: prometheus_client.CollectorRegistry
    ) -> None:
        self._metric = metric
        self._chargers = chargers
        labels = ["charger_id", *metric.labels]
        kind = prometheus_client.Gauge if metric.kind == "gauge" else prometheus_client.Counter
        self._family = kind(metric.name, metric.help, labels, registry=registry)

    def set(self, now: Moment) -> None:
        if self._metric.info or not self._chargers:
            self._family.clear()
        for charger in self._chargers:
            for series in self._metric.series:
                self._set(charger, series, series.read(charger, now))

    def _set(self, charger: Charger, series: Series[Charger], value: float | None) -> None:
        assert value is not None, f"{self._metric.name} has no value"
        labels = self._metric.info(charger) if self._metric.info else series.label_values
        child = self._family.labels(charger.charger_id, *labels)
        if isinstance(child, prometheus_client.Counter):
            child.reset()
            child.inc(float(value))
        else:
            child.set(float(value))
