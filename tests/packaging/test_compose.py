"""The content of compose.yaml; compose.py starts it."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config import load as config
from tests.packaging.tools import ROOT, run

DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {"exporter", "demo"}


def mounts(service: str) -> dict[str, Path]:
    """The files and folders of the repository that a service mounts, by their path in it."""
    binds = [volume.split(":") for volume in SERVICES[service]["volumes"]]
    return {target: (DEPLOY / source).resolve() for source, target, *_ in binds if source.startswith(".")}


@pytest.mark.parametrize("service", SERVICES)
def test_its_images_are_pinned_to_one_version(service: str) -> None:
    assert re.search(r":v?\d+\.\d+\.\d+$", SERVICES[service]["image"])


@pytest.mark.parametrize("service", SERVICES)
def test_its_ports_are_on_this_machine_only(service: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[service]["ports"])


@pytest.mark.parametrize("service", SERVICES)
def test_it_cannot_gain_privileges(service: str) -> None:
    assert SERVICES[service]["cap_drop"] == ["ALL"]
    assert SERVICES[service]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("service", sorted(SERVICES.keys() - {"grafana"}))
def test_it_writes_to_its_volumes_only(service: str) -> None:
    assert SERVICES[service]["read_only"] is True


@pytest.mark.parametrize("service", sorted(SERVICES.keys() - OURS))
def test_it_has_a_health_check_of_its_own_port(service: str) -> None:
    (port,) = SERVICES[service]["ports"]
    assert f"http://127.0.0.1:{port.rpartition(':')[2]}/" in SERVICES[service]["healthcheck"]["test"][-1]


def test_the_exporters_have_the_health_check_of_the_image() -> None:
    assert "\nHEALTHCHECK " in (ROOT / "Dockerfile").read_text()
    assert not any("healthcheck" in SERVICES[service] for service in OURS)


@pytest.mark.parametrize("service", sorted(SERVICES.keys() - {"demo"}))
def test_its_mounts_exist_and_are_read_only(service: str) -> None:
    for target, source in mounts(service).items():
        assert source.exists(), target
    binds = [volume for volume in SERVICES[service]["volumes"] if volume.startswith(".")]
    assert all(volume.endswith(":ro") for volume in binds)


def test_exactly_one_exporter_answers_to_its_name_in_every_profile() -> None:
    assert SERVICES["exporter"]["profiles"] == ["live"]
    assert SERVICES["demo"]["profiles"] == ["demo"]
    assert SERVICES["demo"]["networks"]["default"]["aliases"] == ["exporter"]
    assert "COMPOSE_PROFILES=live\n" in (DEPLOY / ".env").read_text()


def test_the_token_is_a_secret_file_and_never_in_the_repository() -> None:
    (secret,) = SERVICES["exporter"]["secrets"]
    assert COMPOSE["secrets"][secret]["file"] == "./secrets/vecharge_token"
    (account,) = config.load(DEPLOY / "exporter/config.yml").accounts
    assert account.token.file == Path("/run/secrets") / secret
    assert "*\n" in (DEPLOY / "secrets/.gitignore").read_text()
    assert "environment" not in SERVICES["exporter"]


def test_prometheus_accepts_its_configuration_and_the_rules_beside_it(promtool: Path, tmp_path: Path) -> None:
    for target, source in mounts("prometheus").items():
        file = tmp_path / target.removeprefix("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, file)
    said = run(promtool, "check", "config", tmp_path / "etc/prometheus/prometheus.yml")
    assert "2 rule files found" in said


def test_prometheus_scrapes_the_services_by_name() -> None:
    document = yaml.safe_load(mounts("prometheus")["/etc/prometheus/prometheus.yml"].read_text())
    jobs = [*document["scrape_configs"], *document["alerting"]["alertmanagers"]]
    targets = {target for job in jobs for static in job["static_configs"] for target in static["targets"]}
    assert targets == {"exporter:10037", "localhost:9090", "alertmanager:9093"}


def test_grafana_finds_prometheus_and_its_dashboards() -> None:
    inside = mounts("grafana")
    datasources = inside["/etc/grafana/provisioning/datasources"].glob("*.yml")
    (datasource,) = [one for file in datasources for one in yaml.safe_load(file.read_text())["datasources"]]
    assert datasource["url"] == "http://prometheus:9090"
    providers = inside["/etc/grafana/provisioning/dashboards"].glob("*.yml")
    (provider,) = [one for file in providers for one in yaml.safe_load(file.read_text())["providers"]]
    folder = provider["options"]["path"]
    assert list(inside[folder].glob("*.json"))
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (inside[folder] / home.removeprefix(f"{folder}/")).exists()


def test_grafana_has_no_password() -> None:
    environment = SERVICES["grafana"]["environment"]
    assert environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert environment["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
