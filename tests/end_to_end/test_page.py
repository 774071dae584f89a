"""The landing page of the program."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.program import Exporter, account
from tests.processes import wait_until


@pytest.mark.parametrize("content", [None, b"", b"\xff", b"two words"], ids=str)
def test_the_page_shows_the_fault_of_a_token_without_its_path(
    start_exporter: Callable[..., Exporter], tmp_path: Path, content: bytes | None
) -> None:
    token = tmp_path / "SecretPlace"
    token.write_bytes(content or b"")
    exporter = start_exporter({"accounts": [account("http://127.0.0.1:9", token, ["one"], name="delhi")]})
    if content is None:
        token.unlink()

    def problem() -> str:
        (charger,) = exporter.get("/api/v1/chargers").json()["chargers"]
        return str(charger["problem"])

    wait_until(lambda: problem().startswith("the token of account delhi "), problem)
    assert "Secret" not in exporter.get("/api/v1/chargers").text
    assert str(token) in exporter.process.text(), "the log names the file"
