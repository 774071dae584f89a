"""The exposition: METRICS for the chargers, accounts and the process, as text.

Only what has changed is rendered again, and the text of a metric is kept until one of its lines changes. The result is
byte for byte that of prometheus-client for the same samples.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat

from exporter.charger.account import Account, Histogram
from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.charger.process_stats import ExporterProcess
from exporter.metrics.batch import Batch
from exporter.metrics.family import Family
from exporter.metrics.go_float import number
from exporter.metrics.lines import head, header, labelled
from exporter.metrics.live_values import live_values
from exporter.metrics.metric import Metric, Subject
from exporter.metrics.table import ACCOUNT_METRICS, CHARGER_METRICS, EXPORTER_METRICS


class Exposition:
    """The page for a fixed list of chargers, in their order: call `refresh`, then `pieces`.

    It takes the chargers that have changed from `unrendered`, which may contain some that are not on the page.
    """

    def __init__(self, chargers: Sequence[Charger], unrendered: set[Charger]) -> None:
        self._chargers = chargers
        self._unrendered = unrendered
        self._places = {charger: place for place, charger in enumerate(chargers)}
        self._families = [Family(metric, chargers) for metric in CHARGER_METRICS]
        self._touched = set(range(len(chargers)))
        # Places to render in this round, last first. Places touched during the round belong to the next one.
        self._queue: list[int] = []
        # The revision that was last read of each charger: while it is the same, most rows need not be read.
        self._revisions = [-1] * len(chargers)
        # The monotonic time at which a charger changes without an event, since a reading becomes stale.
        self._due = [math.inf] * len(chargers)

    def refresh(self, now: Moment, at_most: int) -> bool:
        """Render the lines of at most `at_most` chargers that have changed; return whether more are left."""
        self._touched.update([place for place in map(self._places.get, self._unrendered) if place is not None])
        self._unrendered.clear()
        if not self._queue:
            if min(self._due, default=math.inf) < now.monotonic:
                self._touched.update(place for place, at in enumerate(self._due) if at < now.monotonic)
            self._queue = sorted(self._touched, reverse=True)
            self._touched.clear()
        places = self._queue[-at_most:][::-1]
        if places:
            del self._queue[-at_most:]
            self._read_again(Batch.of(places, self._chargers, now))
        return bool(self._queue or self._touched)

    def _read_again(self, batch: Batch) -> None:
        revisions = [charger.revision for charger in batch.chargers]
        before = batch.part_of(self._revisions)
        batch.replace(self._revisions, revisions)
        changed = zip(batch.places, revisions, before, strict=True)
        revised = Batch.of([place for place, new, old in changed if new != old], self._chargers, batch.now)
        live = list(map(list, zip(*map(live_values, batch.chargers, repeat(batch.now)), strict=True)))
        for family in self._families:
            family.refresh(batch if family.is_live else revised, live)
        now = batch.now.monotonic
        stale_at = [charger.readings.stale_at for charger in batch.chargers]
        batch.replace(self._due, [at if at >= now else math.inf for at in stale_at])

    def pieces(
        self, accounts: Sequence[Account], process: ExporterProcess, now: Moment, *, openmetrics: bool
    ) -> Iterator[bytes]:
        """Yield METRICS in pieces, without the end mark of OpenMetrics: the process's own metrics follow."""
        families = chain(
            (
                (header(family.metric, openmetrics=openmetrics), family.text(openmetrics=openmetrics))
                for family in self._families
            ),
            _few(ACCOUNT_METRICS, accounts, ("account", "name"), now, openmetrics=openmetrics),
            _few(EXPORTER_METRICS, [process], None, now, openmetrics=openmetrics),
        )
        for help_and_type, text in families:
            if text:
                yield help_and_type
                yield text

    def render(self, accounts: Sequence[Account], process: ExporterProcess, now: Moment, *, openmetrics: bool) -> bytes:
        """Return the whole page."""
        self.refresh(now, len(self._chargers))
        return b"".join(self.pieces(accounts, process, now, openmetrics=openmetrics))


def _few(
    metrics: Iterable[Metric[Subject]],
    subjects: Sequence[Subject],
    label: tuple[str, str] | None,
    now: Moment,
    *,
    openmetrics: bool,
) -> Iterator[tuple[bytes, bytes]]:
    """Yield header and lines of rows for a few subjects. `label` is a label and the attribute that it shows."""
    for metric in metrics:
        lines: list[str] = []
        for subject in subjects:
            own = {label[0]: getattr(subject, label[1])} if label else {}
            if metric.histogram:
                lines += _histogram_lines(metric.name, metric.histogram(subject), own)
            for series in metric.series:
                value = series.read(subject, now)
                if value is not None:
                    lines.append(f"{head(metric, series, own, subject)}{number(value)}\n")
        yield header(metric, openmetrics=openmetrics), "".join(lines).encode()


def _histogram_lines(name: str, histogram: Histogram, own: dict[str, str]) -> Iterator[str]:
    counts = histogram.cumulative()
    for bound, count in zip((*map(number, histogram.bounds), "+Inf"), counts, strict=True):
        yield f"{labelled(f'{name}_bucket', own | {'le': bound})}{number(count)}\n"
    yield f"{labelled(f'{name}_count', own)}{number(counts[-1])}\n"
    yield f"{labelled(f'{name}_sum', own)}{number(histogram.sum)}\n"
