"""The exposition: METRICS for the chargers, accounts and the process, as text.

Only what has changed is rendered again, and the text of a metric is kept until one of its lines changes. The result is
byte for byte that of prometheus-client for the same samples.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, TypeVar, cast

from exporter.charger.account import Account, Histogram
from exporter.charger.changes import Changes, LiveValues, live_values
from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.charger.process_stats import ExporterProcess
from exporter.metrics.batch import Batch
from exporter.metrics.family import Family
from exporter.metrics.go_float import number
from exporter.metrics.lines import head, header, labelled
from exporter.metrics.metric import Metric, Subject
from exporter.metrics.piece import Piece
from exporter.metrics.table import ACCOUNT_METRICS, CHARGER_METRICS, EXPORTER_METRICS

T = TypeVar("T")
_STALE_AT: Final = LiveValues._fields.index("stale_at")
_REVISION: Final = LiveValues._fields.index("revision")


class Exposition:
    """The page for a fixed list of chargers, in their order: call `refresh` and `refresh_totals`, then `pieces`.

    It takes what has changed from `changes`, which may contain chargers that are not on the page.
    """

    def __init__(self, chargers: Sequence[Charger], changes: Changes) -> None:
        self._chargers = chargers
        self._changes = changes
        self._places = {charger: place for place, charger in enumerate(chargers)}
        families = [Family(metric, chargers) for metric in CHARGER_METRICS]
        self._families = families
        self._live = [family for family in families if family.is_live]
        self._committed = [family for family in families if family.is_committed]
        self._revised = [family for family in families if not (family.is_live or family.is_committed)]
        # Values to show, by place; None: they have to be read.
        self._touched: dict[int, LiveValues | None] = dict.fromkeys(range(len(chargers)))
        self._touched_totals = {place: charger.committed for place, charger in enumerate(chargers)}
        # Places to render in this round, last first. Others that are touched during the round belong to the next one.
        self._queue: list[int] = []
        # Whether chargers are left that were never rendered.
        self.is_new = True
        # The revision that was last read of each charger: while it is the same, most rows need not be read.
        self._revisions: list[float | None] = [None] * len(chargers)
        # When the reading of each charger becomes stale, in monotonic seconds: then it changes without an event.
        self._due = [math.inf] * len(chargers)

    def refresh(self, now: Moment, at_most: int) -> bool:
        """Render at most `at_most` chargers that have changed, all but their totals; return whether more are left."""
        unrendered, self._changes.unrendered = self._changes.unrendered, {}
        self._touched.update(self._by_place(unrendered))
        if not self._queue:
            if min(self._due, default=math.inf) < now.monotonic:
                for place, at in enumerate(self._due):
                    if at < now.monotonic:
                        self._touched.setdefault(place)
            self._queue = sorted(self._touched, reverse=True)
        places = self._queue[-at_most:][::-1]
        if places:
            del self._queue[-at_most:]
            self._render(places, now)
        if not self._queue:
            self.is_new = False
        return bool(self._queue or self._touched)

    def _by_place(self, values: Mapping[Charger, T]) -> dict[int, T]:
        places = self._places
        return {places[charger]: value for charger, value in values.items() if charger in places}

    def _render(self, places: Sequence[int], now: Moment) -> None:
        batch = Batch.of(places, self._chargers, now, live=self._live_columns(places, now))
        for family in self._live:
            family.refresh(batch)
        revisions = batch.live[_REVISION]
        changed = zip(places, revisions, batch.part_of(self._revisions), strict=True)
        revised = Batch.of([place for place, new, old in changed if new != old], self._chargers, now)
        for family in self._revised:
            family.refresh(revised)
        batch.replace(self._revisions, revisions)
        stale_at = cast("list[float]", batch.live[_STALE_AT])
        batch.replace(self._due, [at if at >= now.monotonic else math.inf for at in stale_at])

    def _live_columns(self, places: Sequence[int], now: Moment) -> list[list[float | None]]:
        """Return a list per field of LiveValues. Values that were not read yet, or have become stale, are read now."""
        values = []
        for place, kept in zip(places, map(self._touched.pop, places), strict=True):
            must_read = kept is None or kept.stale_at < now.monotonic
            values.append(live_values(self._chargers[place], now) if must_read else kept)
        return list(map(list, zip(*values, strict=True)))

    def refresh_totals(self, now: Moment) -> None:
        """Render the totals that were written to disk."""
        unrendered, self._changes.unrendered_totals = self._changes.unrendered_totals, {}
        self._touched_totals.update(self._by_place(unrendered))
        places = sorted(self._touched_totals)
        totals = list(map(self._touched_totals.pop, places))
        batch = Batch.of(places, self._chargers, now, totals=totals)
        for family in self._committed:
            family.refresh(batch)

    def pieces_without_totals(self, *, openmetrics: bool) -> list[Piece]:
        """Return the pieces of the chargers that no commit changes."""
        return [family.piece(openmetrics=openmetrics) for family in (*self._live, *self._revised)]

    def pieces(
        self, accounts: Sequence[Account], process: ExporterProcess, now: Moment, *, openmetrics: bool
    ) -> Iterator[Piece]:
        """Yield METRICS in pieces, without the end mark of OpenMetrics: the process's own metrics follow."""
        yield from (family.piece(openmetrics=openmetrics) for family in self._families)
        few = chain(
            _few(ACCOUNT_METRICS, accounts, ("account", "name"), now, openmetrics=openmetrics),
            _few(EXPORTER_METRICS, [process], None, now, openmetrics=openmetrics),
        )
        yield Piece("".join(few).encode())

    def render(self, accounts: Sequence[Account], process: ExporterProcess, now: Moment, *, openmetrics: bool) -> bytes:
        """Return the whole page."""
        self.refresh(now, len(self._chargers))
        self.refresh_totals(now)
        return b"".join(piece.text for piece in self.pieces(accounts, process, now, openmetrics=openmetrics))


def _few(
    metrics: Iterable[Metric[Subject]],
    subjects: Sequence[Subject],
    label: tuple[str, str] | None,
    now: Moment,
    *,
    openmetrics: bool,
) -> Iterator[str]:
    """Yield the rows of a few subjects. `label` is a label and the attribute that it shows."""
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
        if lines:
            yield header(metric, openmetrics=openmetrics)
            yield from lines


def _histogram_lines(name: str, histogram: Histogram, own: dict[str, str]) -> Iterator[str]:
    counts = histogram.cumulative()
    for bound, count in zip((*map(number, histogram.bounds), "+Inf"), counts, strict=True):
        yield f"{labelled(f'{name}_bucket', own | {'le': bound})}{number(count)}\n"
    yield f"{labelled(f'{name}_count', own)}{number(counts[-1])}\n"
    yield f"{labelled(f'{name}_sum', own)}{number(histogram.sum)}\n"
