"""The tables of `make worlds`: the errors by cause, beside those of the prototype."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.charger.worlds.causes import Bar
from tests.charger.worlds.judge import Judgement

HEAD = f"{'cause':<48}{'worlds':>7}{'over %':>10}{'bar':>6}{'under %':>10}{'bar':>6}{'sessions %':>12}{'bar':>5}"
LIST_HEAD = f"{'list of sessions':<48}{'worlds':>7}{'number %':>10}{'each kWh %':>12}{'each start %':>14}"


@dataclass(frozen=True, slots=True)
class Row:
    """The worlds of one cause, added up. All figures are in percent."""

    name: str
    judgements: Sequence[Judgement]
    bar: Bar

    @property
    def over(self) -> float:
        """Energy counted too much."""
        return self._of_energy(judgement.over_joules for judgement in self.judgements)

    @property
    def under(self) -> float:
        """Energy counted too little."""
        return self._of_energy(judgement.under_joules for judgement in self.judgements)

    @property
    def miscounted(self) -> float:
        """Worlds with a wrong number of sessions."""
        return _percent([judgement.is_miscounted for judgement in self.judgements])

    @property
    def over_worlds(self) -> float:
        """Worlds in which anything is counted too much."""
        return _percent([judgement.over_joules > 0 for judgement in self.judgements])

    @property
    def misses(self) -> list[str]:
        """The bars that are missed."""
        figures = (
            ("over", self.over, self.bar.over),
            ("under", self.under, self.bar.under),
            ("sessions", self.miscounted, self.bar.sessions),
            ("worlds that are over", self.over_worlds, self.bar.over_worlds),
        )
        misses = [name for name, figure, bar in figures if bar is not None and figure > bar]
        if any(judgement.does_not_add_up for judgement in self.judgements):
            misses.append("counter is not the sum of the sessions")
        return misses

    def line(self) -> str:
        """Return the row as text; if a bar is missed, with the names of the worst worlds."""
        sessions = "" if self.bar.sessions is None else f"{self.bar.sessions:g}"
        text = (
            f"{self.name:<48}{len(self.judgements):>7}{self.over:>10.3f}{self.bar.over:>6g}"
            f"{self.under:>10.3f}{self.bar.under:>6g}{self.miscounted:>12.0f}{sessions:>5}"
        )
        if self.misses:
            text += f"  MISSED: {', '.join(self.misses)}; worst: {', '.join(str(number) for number in self._worst())}"
        return text

    def _worst(self) -> list[int]:
        def distance(judgement: Judgement) -> tuple[int, bool, bool]:
            wrong = judgement.over_joules + judgement.under_joules
            return wrong, judgement.is_miscounted, judgement.does_not_add_up

        wrong = [judgement for judgement in self.judgements if any(distance(judgement))]
        return [judgement.name.number for judgement in sorted(wrong, key=distance, reverse=True)[:4]]

    def _of_energy(self, joules: Iterable[int]) -> float:
        return 100 * sum(joules) / max(1, sum(judgement.true_joules for judgement in self.judgements))


@dataclass(frozen=True, slots=True)
class ListRow:
    """How often the list of sessions is right, in the worlds of one cause whose messages allow it."""

    name: str
    judgements: Sequence[Judgement]

    @property
    def figures(self) -> tuple[float, float, float]:
        """Worlds with the right number, every energy right, every start right; in percent."""
        lists = [judgement.listed for judgement in self.judgements if judgement.listed is not None]
        return (
            _percent([listed.number for listed in lists]),
            _percent([listed.energies for listed in lists]),
            _percent([listed.starts for listed in lists]),
        )

    @property
    def is_right(self) -> bool:
        """Whether every list is right."""
        return not self._wrong()

    def line(self) -> str:
        """Return the row as text, with the numbers of worlds whose list is wrong."""
        allowed = sum(judgement.listed is not None for judgement in self.judgements)
        number, energies, starts = self.figures
        text = f"{self.name:<48}{allowed:>7}{number:>10.0f}{energies:>12.0f}{starts:>14.0f}"
        return text if self.is_right else f"{text}  WRONG: {', '.join(map(str, self._wrong()[:4]))}"

    def _wrong(self) -> list[int]:
        return [
            judgement.name.number
            for judgement in self.judgements
            if (listed := judgement.listed) and not (listed.number and listed.energies and listed.starts)
        ]


def _percent(marks: Sequence[bool]) -> float:
    return 100 * sum(marks) / max(1, len(marks))
