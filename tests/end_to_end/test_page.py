"""What the program tells its landing page."""

from collections.abc import Callable
from typing import Any

from tests.end_to_end.program import Exporter
from tests.processes import wait_until


def test_the_page_of_a_program_that_runs_has_lines_to_draw(
    simulated: dict[str, Any], start_exporter: Callable[..., Exporter]
) -> None:
    exporter = start_exporter(simulated)
    exporter.wait_until_up(12)

    def drawn() -> list[Any]:
        found = exporter.get("/api/v1/power").json()
        samples = found["power_watts"].values()
        return [watts for watts in samples if watts[-1] is not None and len(watts) == len(found["times_seconds"])]

    wait_until(drawn, "a sample of the power that is drawn")
