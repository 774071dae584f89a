"""docs/web-configuration.md says what the exporter does."""

import re
from pathlib import Path

import pytest
import yaml

from exporter.errors import ConfigError
from exporter.web import config as web_config
from exporter.web.connections import Limits
from tests.certificates import Authority

DOCUMENT = (Path(__file__).parents[2] / "docs" / "web-configuration.md").read_text()


def test_the_example_is_valid(tmp_path: Path) -> None:
    Authority(tmp_path).issue("server")
    example = re.search(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    assert example is not None
    (tmp_path / "web.yml").write_text(example[1])
    config = web_config.load(tmp_path / "web.yml")
    assert config.tls is not None
    assert set(config.users) == {"prometheus"}
    assert set(config.headers) == {"Strict-Transport-Security"}


def test_the_limits_are_those_that_hold() -> None:
    limits = Limits()
    for text in (
        f"| {limits.idle_seconds:g} s |",
        f"| {limits.handshake_seconds:g} s |",
        f"| {limits.answer_seconds:g} s |",
        f"| {limits.header_bytes:,} bytes |",
        f"| headers of a request | {limits.headers} |",
        f"| connections, those in a TLS handshake included | {limits.connections}: ",
    ):
        assert text in DOCUMENT


@pytest.mark.parametrize("option", ["cipher_suites", "rate_limit"])
def test_what_it_calls_refused_is_refused(tmp_path: Path, option: str) -> None:
    content: dict[str, object] = (
        {"rate_limit": {"interval": "1s"}} if option == "rate_limit" else {"tls_server_config": {option: []}}
    )
    (tmp_path / "web.yml").write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=option):
        web_config.load(tmp_path / "web.yml")
