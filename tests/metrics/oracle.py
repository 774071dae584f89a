"""The page as prometheus-client prints it from the same rows, to compare our rendering with."""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.openmetrics import exposition as openmetrics_exposition
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from exporter.charger.account import Account
from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.charger.process_stats import ExporterProcess
from exporter.metrics.metric import Metric, Subject
from exporter.metrics.table import ACCOUNT_METRICS, CHARGER_METRICS, EXPORTER_METRICS

END_MARK = b"# EOF\n"
Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class _Page(Collector):
    def __init__(
        self, chargers: Sequence[Charger], accounts: Sequence[Account], process: ExporterProcess, now: Moment
    ) -> None:
        self._chargers, self._accounts, self._process, self._now = chargers, accounts, process, now
        self.openmetrics = False

    def collect(self) -> Iterator[Family]:
        yield from self._families(CHARGER_METRICS, [({"charger_id": c.charger_id}, c) for c in self._chargers])
        yield from self._families(ACCOUNT_METRICS, [({"account": a.name}, a) for a in self._accounts])
        yield from self._families(EXPORTER_METRICS, [({}, self._process)])

    def _families(
        self, metrics: Iterable[Metric[Subject]], subjects: Sequence[tuple[dict[str, str], Subject]]
    ) -> Iterator[Family]:
        for metric in metrics:
            labels = [*subjects[0][0], *metric.labels] if subjects else []
            family: Family
            if metric.kind == "counter":
                family = CounterMetricFamily(metric.name, metric.help, labels=labels)
            else:
                family = GaugeMetricFamily(metric.name, metric.help, labels=labels)
            if metric.histogram:
                yield self._histogram(metric, subjects)
                continue
            for own, subject in subjects:
                for series in metric.series:
                    value = series.read(subject, self._now)
                    values = [*own.values(), *(metric.info(subject) if metric.info else series.label_values)]
                    if value is None:
                        continue
                    if isinstance(family, CounterMetricFamily):
                        # In the text format prometheus-client makes it a separate family; our page has it in
                        # OpenMetrics only.
                        created = metric.created(subject) if metric.created and self.openmetrics else None
                        family.add_metric(values, float(value), created=created)
                    else:
                        family.add_metric(values, float(value))
            if family.samples:
                yield family

    def _histogram(self, metric: Metric[Subject], subjects: Sequence[tuple[dict[str, str], Subject]]) -> Family:
        family = HistogramMetricFamily(metric.name, metric.help, labels=list(subjects[0][0]))
        for own, subject in subjects:
            assert metric.histogram is not None
            histogram = metric.histogram(subject)
            bounds = [*map(floatToGoString, histogram.bounds), "+Inf"]
            buckets = list(zip(bounds, histogram.cumulative(), strict=True))
            family.add_metric(list(own.values()), buckets, histogram.sum)
        return family


def page(
    chargers: Sequence[Charger],
    accounts: Sequence[Account],
    process: ExporterProcess,
    now: Moment,
    *,
    openmetrics: bool,
) -> bytes:
    """All METRICS, without the end mark of OpenMetrics."""
    rows = _Page(chargers, accounts, process, now)
    rows.openmetrics = openmetrics
    registry = CollectorRegistry()
    registry.register(rows)
    if openmetrics:
        text: bytes = openmetrics_exposition.generate_latest(registry)  # type: ignore[no-untyped-call]
        return text.removesuffix(END_MARK)
    return generate_latest(registry)
