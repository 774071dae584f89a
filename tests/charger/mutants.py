"""`make mutants`, second part: every mutant that no test notices must be explained in `mutants.txt`.

An entry there is the function, the line that was changed and what it became, and why no test can notice:

    meter.EnergyMeter.gap
    - self._gap = True
    + self._gap = False
      Why it makes no difference.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Final

from mutmut.__main__ import get_diff_for_mutant  # type: ignore[attr-defined]
from mutmut.stats import status_by_exit_code

RESULTS: Final = Path("mutants/exporter/charger")
EXPLAINED: Final = Path(__file__).with_name("mutants.txt")
UNNOTICED: Final = ("survived", "no tests", "suspicious")


def main() -> int:
    """Print what became of the mutants; return 1 if one is neither noticed nor explained."""
    statuses = {name: status_by_exit_code[code] for name, code in _results().items()}
    print(", ".join(f"{count} {status}" for status, count in Counter(statuses.values()).most_common()))
    explained = _explained()
    unnoticed = {_change(name) for name, status in statuses.items() if status in UNNOTICED}
    unexplained = sorted(unnoticed - explained)
    for change in unexplained:
        print(f"\n{change}")
    print(f"\n{len(unnoticed)} not noticed, {len(unnoticed & explained)} of them explained in {EXPLAINED.name}")
    for change in sorted(explained - unnoticed):
        print(f"explained, but noticed or gone; remove it from {EXPLAINED.name}:\n{change}")
    return 1 if unexplained or "not checked" in statuses.values() else 0


def _results() -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for file in RESULTS.glob("*.meta"):
        found |= json.loads(file.read_text())["exit_code_by_key"]
    return found


def _change(name: str) -> str:
    """The function, and the lines that the mutant changes, without their indentation."""
    function = name.removeprefix("exporter.charger.").partition("__mutmut")[0].replace("xǁ", "").replace("ǁ", ".")
    lines = get_diff_for_mutant(name).splitlines()
    changed = [f"{line[0]} {line[1:].strip()}" for line in lines if line[:1] in "+-" and line[:3] not in ("---", "+++")]
    return "\n".join([function.replace(".x_", "."), *changed])


def _explained() -> set[str]:
    entries = EXPLAINED.read_text().strip().split("\n\n") if EXPLAINED.exists() else []
    return {"\n".join(line for line in entry.splitlines() if not line.startswith((" ", "#"))) for entry in entries}


if __name__ == "__main__":
    sys.exit(main())
