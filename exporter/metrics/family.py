"""One metric for all chargers, as text. Its lines are kept by column, one per series: comparing and formatting
take most of the time of a scrape, and are done for many chargers at once.
"""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import cast

from exporter.charger.charger import Charger
from exporter.metrics.batch import Batch
from exporter.metrics.go_float import numbers
from exporter.metrics.lines import escape, head, header
from exporter.metrics.metric import Metric, Series, Value
from exporter.metrics.piece import Piece
from exporter.metrics.read import Committed, Live


class _Column:
    """One series of one metric for all chargers: how to read it, and the last values."""

    __slots__ = ("_after_id", "_before_id", "_has_absent", "_read", "_values")

    # A line has three parts: the text before the id, the id, the rest. Chargers or columns share the first two.
    PARTS = 3

    def __init__(self, metric: Metric[Charger], series: Series[Charger], chargers: Sequence[Charger]) -> None:
        self._read = series.read
        before_value = head(metric, series, {"charger_id": "\0"}, None)
        self._before_id, self._after_id = before_value.split("\0")
        self._values: list[Value] = [None] * len(chargers)
        self._has_absent = True

    def refresh(self, batch: Batch, parts: list[str], offset: int, stride: int) -> bool:
        """Read the chargers of the batch again; return whether a value has changed.

        The line of a charger is at `offset` of its `stride` parts.
        """
        new = self._values_of(batch)
        if new == batch.part_of(self._values):
            return False
        if self._has_absent or None in new:
            self._refresh_some(batch, new, parts, offset, stride)
            self._has_absent = None in self._values
        else:
            batch.replace(parts, numbers(cast("list[float]", new), self._after_id), offset + 2, stride)
            batch.replace(self._values, new)
        return True

    def _values_of(self, batch: Batch) -> list[Value]:
        read = self._read
        if isinstance(read, Live):
            return cast("list[Value]", batch.live[read.index])
        if isinstance(read, Committed):
            return list(map(read.of_totals, batch.totals))
        return list(map(read, batch.chargers, repeat(batch.now)))

    def _refresh_some(self, batch: Batch, new: list[Value], parts: list[str], offset: int, stride: int) -> None:
        """Write the lines of the chargers that have a value, and remove those of the others."""
        present = iter(numbers([value for value in new if value is not None], self._after_id))
        for place, charger, value in zip(batch.places, batch.chargers, new, strict=True):
            at = place * stride + offset
            if value is None:
                parts[at] = parts[at + 1] = parts[at + 2] = ""
            else:
                if self._values[place] is None:
                    parts[at] = self._before_id
                    parts[at + 1] = escape(charger.charger_id)
                parts[at + 2] = next(present)
            self._values[place] = value


class _InfoColumn:
    """A row whose labels come from the charger; its value is always 1."""

    __slots__ = ("_metric", "_values")

    PARTS = 1

    def __init__(self, metric: Metric[Charger], chargers: Sequence[Charger]) -> None:
        self._metric = metric
        self._values: list[tuple[str, ...] | None] = [None] * len(chargers)

    def refresh(self, batch: Batch, parts: list[str], offset: int, stride: int) -> bool:
        """As `_Column.refresh`."""
        assert self._metric.info is not None
        new = list(map(self._metric.info, batch.chargers))
        if new == batch.part_of(self._values):
            return False
        for place, charger, labels in zip(batch.places, batch.chargers, new, strict=True):
            self._values[place] = labels
            own = {"charger_id": charger.charger_id}
            before_value = head(self._metric, self._metric.series[0], own, charger)
            parts[place * stride + offset] = f"{before_value}1.0\n"
        return True


class Family:
    """One metric for all chargers. Its text is `parts` joined; the lines of a charger are adjacent."""

    __slots__ = ("_chargers", "_columns", "_metric", "_parts", "_pieces", "_stride")

    def __init__(self, metric: Metric[Charger], chargers: Sequence[Charger]) -> None:
        self._metric = metric
        self._chargers = chargers
        self._columns: list[_Column | _InfoColumn] = (
            [_InfoColumn(metric, chargers)]
            if metric.info
            else [_Column(metric, series, chargers) for series in metric.series]
        )
        self._stride = sum(column.PARTS for column in self._columns)
        self._parts = [""] * (self._stride * len(chargers))
        # By whether they are in OpenMetrics, if it differs.
        self._pieces: dict[bool, Piece] = {}

    @property
    def is_live(self) -> bool:
        """Whether an ordinary log may change it."""
        return any(isinstance(series.read, Live) for series in self._metric.series)

    @property
    def is_committed(self) -> bool:
        """Whether a commit changes it, and nothing else."""
        return any(isinstance(series.read, Committed) for series in self._metric.series)

    def refresh(self, batch: Batch) -> None:
        """Read the chargers of the batch again."""
        if not batch.places:
            return
        for index, column in enumerate(self._columns):
            if column.refresh(batch, self._parts, index * column.PARTS, self._stride):
                self._pieces.clear()

    def piece(self, *, openmetrics: bool) -> Piece:
        """Return the header and the lines of all chargers, empty if there are no lines.

        In OpenMetrics a durable counter has `_created` samples.
        """
        openmetrics = openmetrics and self._metric.kind == "counter"  # gauges are the same in both formats
        piece = self._pieces.get(openmetrics)
        if piece is None:
            parts = self._with_created() if openmetrics and self._metric.created else self._parts
            above = header(self._metric, openmetrics=openmetrics)
            # One join: the text has a megabyte, so adding the header afterwards takes half as long again.
            text = "".join((above, *parts))
            piece = self._pieces[openmetrics] = Piece(b"" if text == above else text.encode())
        return piece

    def _with_created(self) -> Iterator[str]:
        created = self._metric.created
        assert created is not None
        name = self._metric.name.removesuffix("_total") + "_created"
        began = numbers([created(charger) for charger in self._chargers], '"} ')
        lines = zip(self._parts[0::3], self._parts[1::3], self._parts[2::3], began, strict=True)
        for before_id, charger_id, value, at in lines:
            if before_id:
                yield f'{before_id}{charger_id}{value}{name}{{charger_id="{charger_id}{at}'
