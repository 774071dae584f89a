"""`make mutants`, second part: every mutant for which no test fails must be explained in `mutants.txt`.

An entry there is the function, the line that was changed and what it became, and why no test can fail:

    meter.EnergyMeter.gap
    - self._gap = True
    + self._gap = False
      Why it makes no difference.

A mutant that changes only the words of a message needs no entry: tests do not compare them.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Final

from mutmut.__main__ import get_diff_for_mutant  # type: ignore[attr-defined]
from mutmut.stats import status_by_exit_code

RESULTS: Final = Path("mutants/exporter/charger")
EXPLAINED: Final = Path(__file__).with_name("mutants.txt")
NOTICED: Final = ("killed", "timeout", "caught by type check")
COLUMNS: Final = (*NOTICED, "words", "explained", "unexplained")
MESSAGE: Final = re.compile(r'"[^"]* [^"]*"')


def main() -> int:
    """Print what became of the mutants; return 1 if one is neither noticed nor explained."""
    explained, seen = _explained(), set[str]()
    unexplained: list[str] = []
    counts: dict[str, Counter[str]] = {}
    for name, status in _statuses().items():
        column = status if status in NOTICED else "unexplained"
        if column == "unexplained":
            change = _change(name)
            if _changes_only_words(change):
                column = "words"
            elif change in explained and status != "not checked":
                column = "explained"
                seen.add(change)
            else:
                unexplained.append(f"{status}: {change}")
        counts.setdefault(name.split(".")[2], Counter())[column] += 1
    _print_table(counts)
    for text in unexplained:
        print(f"\n{text}")
    for change in sorted(explained - seen):
        print(f"\nExplained in {EXPLAINED.name}, but a test fails for it, or it no longer exists; remove it:\n{change}")
    return 1 if unexplained else 0


def _print_table(counts: dict[str, Counter[str]]) -> None:
    counts |= {"all": sum(counts.values(), Counter())}
    print(f"{'':18}{'made':>6}" + "".join(f"{column:>{len(column) + 2}}" for column in COLUMNS))
    for file, columns in counts.items():
        cells = "".join(f"{columns[column]:>{len(column) + 2}}" for column in COLUMNS)
        print(f"{file:18}{columns.total():>6}{cells}")


def _statuses() -> dict[str, str]:
    found: dict[str, str] = {}
    for file in sorted(RESULTS.glob("*.meta")):
        codes = json.loads(file.read_text())["exit_code_by_key"]
        found |= {name: status_by_exit_code[code] for name, code in codes.items()}
    return found


def _change(name: str) -> str:
    """The function, and the lines that the mutant changes, without their indentation."""
    function = name.removeprefix("exporter.charger.").partition("__mutmut")[0].replace("xǁ", "").replace("ǁ", ".")
    lines = get_diff_for_mutant(name).splitlines()
    changed = [f"{line[0]} {line[1:].strip()}" for line in lines if line[:1] in "+-" and line[:3] not in ("---", "+++")]
    return "\n".join([function.replace(".x_", "."), *changed])


def _changes_only_words(change: str) -> bool:
    before, after = ([MESSAGE.sub("", line[1:]) for line in change.splitlines() if line[0] == sign] for sign in "-+")
    return before == after


def _explained() -> set[str]:
    entries = EXPLAINED.read_text().strip().split("\n\n") if EXPLAINED.exists() else []
    return {"\n".join(line for line in entry.splitlines() if not line.startswith((" ", "#"))) for entry in entries} - {
        ""
    }


if __name__ == "__main__":
    sys.exit(main())
