"""A batch of the chargers of a page, and its entries in lists that have entries for every charger of the page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.charger.meter_state import Totals

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Batch:
    """Chargers to show anew, in the order of their places on the page, and what was read of each already."""

    places: Sequence[int]
    chargers: Sequence[Charger]
    now: Moment
    # Whether the places have no gap: then whole slices can be read and replaced.
    is_run: bool
    # What was read already, if anything: a list per field of LiveValues, or the totals of each charger.
    live: Sequence[list[float | None]] = ()
    totals: Sequence[Totals] = ()
    # What `_indexes` has returned, by its arguments: most metrics ask for the same.
    _known_indexes: dict[tuple[int, int], list[int]] = field(default_factory=dict, init=False)

    @classmethod
    def of(
        cls,
        places: Sequence[int],
        all_chargers: Sequence[Charger],
        now: Moment,
        *,
        live: Sequence[list[float | None]] = (),
        totals: Sequence[Totals] = (),
    ) -> "Batch":
        """Return the chargers at these places."""
        is_run = bool(places) and places[-1] - places[0] + 1 == len(places)
        chargers = all_chargers[places[0] : places[-1] + 1] if is_run else [all_chargers[place] for place in places]
        return cls(places, chargers, now, is_run, live, totals)

    def part_of(self, values: list[T]) -> list[T]:
        """Return the values of the batch. `values` has one value per charger of the page."""
        if self.is_run:
            return values[self.places[0] : self.places[-1] + 1]
        return [values[place] for place in self.places]

    def replace(self, values: list[T], new: Sequence[T], offset: int = 0, stride: int = 1) -> None:
        """Replace a value of each charger of the batch. `values` has `stride` values per charger; it is at `offset`."""
        if self.is_run:
            first, last = self.places[0], self.places[-1]
            values[first * stride + offset : last * stride + offset + 1 : stride] = new
            return
        for index, value in zip(self._indexes(offset, stride), new, strict=True):
            values[index] = value

    def _indexes(self, offset: int, stride: int) -> list[int]:
        """Return where `replace` puts the values. To compute this takes as long as to replace them."""
        indexes = self._known_indexes.get((offset, stride))
        if indexes is None:
            indexes = self._known_indexes[offset, stride] = [place * stride + offset for place in self.places]
        return indexes
