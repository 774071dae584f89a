"""What the program tells its landing page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.program import Exporter, account
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


@pytest.mark.parametrize(
    "content", [None, b"", b"\xff", b"two words", b"long" * 65536], ids=lambda text: str(text)[:10]
)
def test_who_looks_at_the_page_learns_of_a_bad_token_and_not_where_it_lies(
    start_exporter: Callable[..., Exporter], tmp_path: Path, content: bytes | None
) -> None:
    token = tmp_path / "SecretPlace"
    token.write_bytes(content or b"")
    exporter = start_exporter({"accounts": [account("http://127.0.0.1:9", token, ["one"], name="delhi")]})
    if content is None:
        token.unlink()

    def told() -> str:
        (charger,) = exporter.get("/api/v1/chargers").json()["chargers"]
        return str(charger["problem"])

    wait_until(lambda: told().startswith("the token of account delhi "), told)
    assert "Secret" not in exporter.get("/api/v1/chargers").text
    assert str(token) in exporter.process.text(), "the log names the file"
