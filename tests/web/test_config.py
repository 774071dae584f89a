"""The web configuration file: users, headers, and every fault with its position."""

import os
from pathlib import Path

import pytest

from exporter.errors import ConfigError
from exporter.web import tls
from exporter.web.config import MAX_BCRYPT_COST, load
from tests.certificates import Authority
from tests.web.written import HASH, TLS, fault, loaded

BLANK = """
tls_server_config: {cert_file: "", key_file: , client_ca_file: "", client_auth_type: "", min_version: , client_ca: "",
  cipher_suites: [], curve_preferences: [], client_allowed_sans: []}
http_server_config: {http2: , headers: }
basic_auth_users:
"""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}\n",
        "# Nothing yet.\n",
        "---\n",
        BLANK,
        *("tls_server_config:", "tls_server_config: {}", "http_server_config:", "http_server_config: {}"),
        *("basic_auth_users:", "basic_auth_users: {}", "rate_limit:", "http_server_config: {headers: {}}"),
    ],
)
def test_an_empty_file_changes_nothing(tmp_path: Path, text: str) -> None:
    config = loaded(tmp_path, text)
    assert (config.tls, dict(config.users), dict(config.headers)) == (None, {}, {})


def test_users_and_headers_are_read_from_the_file(tmp_path: Path) -> None:
    headers = (
        "http_server_config: {http2: false, headers: {Strict-Transport-Security: max-age=60, X-Frame-Options: ''}}"
    )
    config = loaded(tmp_path, f"basic_auth_users: {{alice: '{HASH}'}}\n{headers}\n")
    assert config.users == {"alice": HASH.encode()}
    assert config.headers == {"Strict-Transport-Security": "max-age=60", "X-Frame-Options": ""}


def test_an_empty_header_is_removed(tmp_path: Path) -> None:
    config = loaded(tmp_path, "http_server_config: {headers: {X-Frame-Options: , X-XSS-Protection: ''}}")
    assert config.headers == {"X-Frame-Options": "", "X-XSS-Protection": ""}


def test_a_header_value_that_yaml_reads_as_a_number_is_text(tmp_path: Path) -> None:
    config = loaded(tmp_path, "http_server_config: {headers: {X-XSS-Protection: 1, Content-Security-Policy: 1.5}}")
    assert config.headers == {"X-XSS-Protection": "1", "Content-Security-Policy": "1.5"}


@pytest.mark.parametrize("cost", [4, MAX_BCRYPT_COST])
def test_bcrypt_costs_up_to_the_limit_are_accepted(tmp_path: Path, cost: int) -> None:
    assert loaded(tmp_path, f"basic_auth_users: {{alice: '{HASH.replace('$10$', f'${cost:02}$')}'}}").users


def test_a_hash_is_not_printed(tmp_path: Path) -> None:
    assert HASH not in repr(loaded(tmp_path, f"basic_auth_users: {{alice: '{HASH}'}}"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rate_limit: {interval: 1s}", "rate_limit: is not supported: remove it"),
        ("http_server_config: {http2: 2}", "http_server_config.http2: must be true or false"),
        ("basic_auth_users: {alice: }", "basic_auth_users[...]: must be a string, not nothing"),
        ("basic_auth: {}", "unknown key"),
        ("[]", "must be a mapping"),
        ("basic_auth_users: {alice: secret}", "basic_auth_users: user 1: must have a bcrypt hash"),
        (
            f"basic_auth_users: {{alice: '{HASH.replace('$10$', '$18$')}'}}",
            "basic_auth_users: user 1: the bcrypt cost is 18, the limit is 17: make a new hash",
        ),
        (f"basic_auth_users: {{alice: '{HASH.replace('$10$', '$32$')}'}}", "basic_auth_users: user 1: must have a"),
        (
            f"basic_auth_users: {{'a:b': '{HASH}'}}",
            "basic_auth_users: user 1: a name must not be empty or contain a colon",
        ),
        (f"basic_auth_users: {{'': '{HASH}'}}", "basic_auth_users: user 1: a name must not be empty or contain"),
        (
            "http_server_config: {headers: {Content-Length: '0'}}",
            "http_server_config.headers: must be one of Content-Security-Policy, Strict-Transport-Security, ",
        ),
        (
            'http_server_config: {headers: {X-XSS-Protection: "0\\r\\nSet-Cookie: a=b"}}',
            "http_server_config.headers.X-XSS-Protection: must be one line of ASCII",
        ),
        (
            "http_server_config: {headers: {X-Frame-Options: allow}}",
            "http_server_config.headers.X-Frame-Options: must be deny or sameorigin, or empty to remove the header",
        ),
    ],
)
def test_every_fault_is_reported_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    assert fault(tmp_path, text).startswith(message)


def test_a_password_instead_of_its_hash_is_not_printed(tmp_path: Path) -> None:
    assert "Secret" not in fault(tmp_path, "basic_auth_users: {SecretUser: SecretPassword}")


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"web\.yml: cannot be read \(FileNotFoundError: No such file"):
        load(tmp_path / "web.yml")


CLIENTS = ", client_ca_file: authority.pem, client_auth_type: VerifyClientCertIfGiven}"


@pytest.mark.parametrize("changed", ["web.yml", "server.crt", "server.key", "authority.pem"])
def test_a_change_of_any_file_changes_the_configuration(tmp_path: Path, changed: str) -> None:
    Authority(tmp_path).issue("server")
    config = loaded(tmp_path, TLS + CLIENTS)
    assert config.current_marks() == config.files
    # Tools that renew certificates replace the file.
    other = tmp_path / "other"
    other.write_bytes((tmp_path / changed).read_bytes())
    os.utime(other, ns=(1, (tmp_path / changed).stat().st_mtime_ns))
    other.replace(tmp_path / changed)
    assert config.current_marks() != config.files


def test_a_change_during_the_reading_is_detected_at_the_next_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Authority(tmp_path).issue("server")
    read = tls.load

    def late(path: Path, section: tls.TlsSection) -> tls.Tls | None:
        found = read(path, section)
        Authority(tmp_path).issue("server")
        return found

    monkeypatch.setattr(tls, "load", late)
    config = loaded(tmp_path, TLS + "}")
    assert config.current_marks() != config.files


def test_a_removed_file_is_a_change(tmp_path: Path) -> None:
    Authority(tmp_path).issue("server")
    config = loaded(tmp_path, TLS + "}")
    (tmp_path / "server.crt").unlink()
    assert config.current_marks() != config.files
