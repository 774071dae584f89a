"""A real Prometheus scrapes the program over TLS, with a password and with a client certificate."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import requests
import yaml

from tests.certificates import Authority
from tests.end_to_end.program import CHECK_OFTEN, PROGRAM, account, changed_by
from tests.processes import SECONDS, Process
from tests.prometheus import Prometheus

UP = "sum(up) == 1"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "certificates")


@contextmanager
def exporter(folder: Path, web: dict[str, Any]) -> Iterator[tuple[Process, str]]:
    """The program with this web configuration, and its address; it has no service to connect to."""
    (folder / "web.yml").write_text(yaml.safe_dump(web))
    (folder / "token").write_text("a.b.c")
    config = {"accounts": [account("http://127.0.0.1:9", folder / "token", ["test"])]}
    (folder / "config.yml").write_text(yaml.safe_dump(config))
    arguments = ["--config.file=config.yml", "--web.config.file=web.yml", "--web.listen-address=127.0.0.1:0"]
    with Process(
        *changed_by(CHECK_OFTEN), PROGRAM, "run", *arguments, output=folder / "exporter.log", cwd=folder
    ) as process:
        yield process, process.wait_for_line(r"msg=listening address=(\S+) url=https")[1]


def tls(authority: Authority, **more: str) -> dict[str, str]:
    certificate, key = authority.issue("server")
    return {"cert_file": str(certificate), "key_file": str(key), **more}


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(10)).decode()


def test_prometheus_scrapes_over_tls_with_a_password_that_changes(
    prometheus_binary: Path, tmp_path: Path, authority: Authority
) -> None:
    secured = {"tls_server_config": tls(authority)}
    password = tmp_path / "password"
    password.write_text("SecretFirst")
    scrape = {
        "scheme": "https",
        "tls_config": {"ca_file": str(authority.file)},
        "basic_auth": {"username": "prometheus", "password_file": str(password)},
    }
    with exporter(tmp_path, {**secured, "basic_auth_users": {"prometheus": hashed("SecretFirst")}}) as (
        process,
        target,
    ):
        refused = requests.get(f"https://{target}/metrics", verify=str(authority.file), timeout=SECONDS)
        assert refused.status_code == requests.codes.unauthorized
        with Prometheus(prometheus_binary, tmp_path / "prometheus", [target], scrape=scrape) as prometheus:
            prometheus.wait_for(f"{UP} and sum(vecharge_charger_up) == 0")
            (tmp_path / "web.yml").write_text(
                yaml.safe_dump({**secured, "basic_auth_users": {"prometheus": hashed("SecretSecond")}})
            )
            process.wait_for_line("web configuration reloaded")
            prometheus.wait_for("sum(up) == 0")
            password.write_text("SecretSecond")
            prometheus.wait_for(UP)
        printed = process.text()
        assert "Secret" not in printed
        assert "level=error" not in printed


def test_prometheus_scrapes_only_with_a_client_certificate(
    prometheus_binary: Path, tmp_path: Path, authority: Authority
) -> None:
    certificate, key = authority.issue("prometheus")
    web = {
        "tls_server_config": tls(
            authority, client_ca_file=str(authority.file), client_auth_type="RequireAndVerifyClientCert"
        )
    }
    trust = {"ca_file": str(authority.file)}
    known = {"cert_file": str(certificate), "key_file": str(key)}
    with exporter(tmp_path, web) as (process, target):
        jobs = {
            "scrape_configs": [
                {"job_name": name, "scheme": "https", "tls_config": trusted, "static_configs": [{"targets": [target]}]}
                for name, trusted in (("known", trust | known), ("unknown", trust))
            ]
        }
        with Prometheus(prometheus_binary, tmp_path / "prometheus", [], config=jobs) as prometheus:
            prometheus.wait_for('up{job="known"} == 1')
            prometheus.wait_for('up{job="unknown"} == 0')
        assert "level=error" not in process.text(), "clients without a certificate must not fill the log"


def test_an_invalid_web_configuration_fails_the_start_with_one_line(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="ended before"), exporter(tmp_path, {"rate_limit": {"interval": "1s"}}):
        pass
    (line,) = [line for line in (tmp_path / "exporter.log").read_text().splitlines() if "level=" not in line]
    assert line == (
        "vecharge-exporter: web.yml: rate_limit: is not supported: remove it (a reverse proxy can limit requests)"
    )
