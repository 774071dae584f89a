"""docs/web-configuration.md matches the exporter."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.errors import ConfigError
from exporter.web import config as web_config
from exporter.web.config import MAX_BCRYPT_COST
from exporter.web.connections import Limits
from exporter.web.passwords import MAX_WAITING
from exporter.web.tls import TlsSection
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


def test_the_document_has_the_limits_in_force() -> None:
    limits = Limits()
    for text in (
        f"| {limits.idle_seconds:g} s |",
        f"| {limits.handshake_seconds:g} s |",
        f"| {limits.answer_seconds:g} s |",
        f"| {limits.header_bytes:,} bytes |",
        f"| headers of a request | {limits.headers} |",
        f"| connections | {limits.connections}: ",
        f"at most {MAX_WAITING} wait",
        f"The cost must be from 4 to {MAX_BCRYPT_COST}.",
    ):
        assert text in DOCUMENT


# Each key of the format, with a value.
KEYS = {
    "tls_server_config.cert_file": "server.crt",
    "tls_server_config.key_file": "server.key",
    "tls_server_config.cert": "pem",
    "tls_server_config.key": "pem",
    "tls_server_config.client_auth_type": "VerifyClientCertIfGiven",
    "tls_server_config.client_ca_file": "authority.pem",
    "tls_server_config.client_ca": "",
    "tls_server_config.client_allowed_sans": ["client.example"],
    "tls_server_config.min_version": "TLS13",
    "tls_server_config.max_version": "TLS13",
    "tls_server_config.cipher_suites": ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],
    "tls_server_config.prefer_server_cipher_suites": False,
    "tls_server_config.curve_preferences": ["CurveP256"],
    "http_server_config.http2": True,
    "http_server_config.headers": {"X-XSS-Protection": 1},
    "basic_auth_users": {"alice": "$2y$10$CqLBvBmaRYNksq.tZYaxo.ORIIUsMty1OIkAgBxG8ucygwpHcSqQu"},
    "rate_limit": {"interval": "1s", "burst": 5},
}
ROWS = dict(re.findall(r"^\| `([a-z_0-9.]+)` \| (yes|no|in part|ignored) \|", DOCUMENT, re.MULTILINE))


def test_the_table_has_every_key_of_the_format() -> None:
    assert list(ROWS) == list(KEYS)
    fields = {f"tls_server_config.{name}" for name in TlsSection.__struct_fields__}
    assert {key for key in ROWS if key.startswith("tls_server_config.")} == fields


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_supported_if_the_table_says_so(tmp_path: Path, key: str) -> None:
    authority = Authority(tmp_path)
    authority.issue("server")
    content: dict[str, Any] = {"tls_server_config": {"cert_file": "server.crt", "key_file": "server.key"}}
    if key.startswith("tls_server_config.client_"):
        content["tls_server_config"] |= {"client_auth_type": "RequireAndVerifyClientCert"}
    value = authority.file.read_text() if key == "tls_server_config.client_ca" else KEYS[key]
    section, _, name = key.partition(".")
    content[section] = content.get(section, {}) | {name: value} if name else value
    file = tmp_path / "web.yml"
    file.write_text(yaml.safe_dump(content))
    if ROWS[key] == "no":
        with pytest.raises(ConfigError, match=re.escape(key)):
            web_config.load(file)
    else:
        web_config.load(file)
