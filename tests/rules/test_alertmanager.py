"""Receivers, inhibitions and silences of alerts, on a real Alertmanager."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import blocks
from tests.processes import wait_until
from tests.rules.alertmanager import Alertmanager
from tests.rules.rulefiles import PROJECT, PROMETHEUS, alerts, document, labels_of

CONFIG = PROMETHEUS / "alertmanager.yml"


@pytest.fixture(scope="module")
def alertmanager(alertmanager_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    with Alertmanager(alertmanager_binary, tmp_path_factory.mktemp("alertmanager"), CONFIG) as running:
        yield running


def test_amtool_finds_no_problem(amtool: Path) -> None:
    ended = subprocess.run([amtool, "check-config", CONFIG], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("alert", [alert.name for alert in alerts()])
def test_the_severity_selects_the_receiver(amtool: Path, alert: str) -> None:
    labels = labels_of(alert)
    receiver = {"critical": "pager", "warning": "team", "info": "nobody", "none": "watchdog"}[labels["severity"]]
    matchers = [f"{name}={value}" for name, value in labels.items()]
    routes = ["config", "routes", "test", f"--config.file={CONFIG}", f"--verify.receivers={receiver}"]
    ended = subprocess.run([amtool, *routes, *matchers], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("alert", [alert.name for alert in alerts()])
def test_the_phone_of_a_home_gets_warnings_and_critical_alerts_alone(amtool: Path, tmp_path: Path, alert: str) -> None:
    [config] = (block.text for block in blocks("docs/home.md") if block.file == "alertmanager.yml")
    file = tmp_path / "alertmanager.yml"
    file.write_text(config)
    labels = labels_of(alert)
    receiver = "phone" if labels["severity"] in ("warning", "critical") else "nobody"
    matchers = [f"{name}={value}" for name, value in labels.items()]
    routes = ["config", "routes", "test", f"--config.file={file}", f"--verify.receivers={receiver}"]
    ended = subprocess.run([amtool, *routes, *matchers], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout


def test_one_notification_is_sent_for_all_alerts_of_an_account() -> None:
    route = document(CONFIG)["route"]
    assert route["group_by"] == ["account"]
    assert not any("group_by" in child for child in route["routes"])


CHARGERS = {alert.name for alert in alerts() if alert.labels["scope"] == "charger"}
UNREACHABLE = {
    "VechargeChargerOffline",
    "VechargeChargerWifiDown",
    "VechargeChargerNoLogs",
    "VechargeChargerFlapping",
}
MUTES = {
    "VechargeExporterDown": CHARGERS | {"VechargeShardMissing"},
    "VechargeTokenRefused": UNREACHABLE
    | {
        "VechargeAccountOutage",
        "VechargeSiteOutage",
        "VechargeTokenExpiresWithin3Days",
        "VechargeTokenExpiresWithin14Days",
    },
    "VechargeAccountOutage": UNREACHABLE | {"VechargeSiteOutage"},
    "VechargeSiteOutage": UNREACHABLE,
    "VechargeChargerOffline": {"VechargeChargerNoLogs", "VechargeChargerFlapping"},
    "VechargeTokenExpiresWithin3Days": {"VechargeTokenExpiresWithin14Days"},
}
WITH_A_JOB = [alert.name for alert in alerts() if "job" in labels_of(alert.name)]


@pytest.mark.parametrize("cause", MUTES)
def test_a_cause_mutes_only_the_alerts_that_it_explains(alertmanager: Alertmanager, cause: str) -> None:
    # Nothing mutes across jobs, so each pair of cause and effect has one of its own.
    jobs = {f"{cause} and {effect}": effect for effect in WITH_A_JOB if effect != cause}
    send(alertmanager, *(labels_of(alert) | {"job": job} for job in jobs for alert in (cause, jobs[job])))
    muted = {(labels["job"], labels["alertname"]) for labels in muted_in(alertmanager) if "job" in labels}
    assert {effect for job, effect in jobs.items() if (job, effect) in muted} == MUTES[cause]


def test_other_alerts_mute_nothing(alertmanager: Alertmanager) -> None:
    together = [labels_of(alert) | {"job": "no cause"} for alert in WITH_A_JOB if alert not in MUTES]
    send(alertmanager, *together)
    assert "no cause" not in {labels.get("job") for labels in muted_in(alertmanager)}


@pytest.mark.parametrize(
    ("cause", "effect", "elsewhere"),
    [
        ("VechargeExporterDown", "VechargeChargerOffline", {"instance": "b:10037"}),
        ("VechargeTokenRefused", "VechargeAccountOutage", {"account": "pune"}),
        ("VechargeTokenRefused", "VechargeChargerOffline", {"account": "pune"}),
        ("VechargeAccountOutage", "VechargeChargerOffline", {"account": "pune"}),
        ("VechargeSiteOutage", "VechargeChargerOffline", {"address": "Sector 23"}),
        ("VechargeSiteOutage", "VechargeChargerOffline", {"account": "pune"}),
        ("VechargeChargerOffline", "VechargeChargerNoLogs", {"charger_id": "c2"}),
        ("VechargeTokenExpiresWithin3Days", "VechargeTokenExpiresWithin14Days", {"account": "pune"}),
    ],
)
def test_a_cause_does_not_mute_alerts_elsewhere(
    alertmanager: Alertmanager, cause: str, effect: str, elsewhere: dict[str, str]
) -> None:
    there = {"job": f"{cause} not {effect}"}
    send(alertmanager, labels_of(cause) | there, labels_of(effect) | there | elsewhere)
    assert labels_of(effect) | there | elsewhere not in muted_in(alertmanager)


def test_an_exporter_that_is_down_mutes_the_alert_that_none_is_up(alertmanager_binary: Path, tmp_path: Path) -> None:
    with Alertmanager(alertmanager_binary, tmp_path, CONFIG) as alertmanager:
        none_left = labels_of("VechargeExporterAbsent")
        send(alertmanager, none_left)
        assert none_left not in muted_in(alertmanager)
        send(alertmanager, labels_of("VechargeExporterDown"))
        assert none_left in muted_in(alertmanager)


def test_the_silences_of_the_runbooks_work_as_written(alertmanager: Alertmanager, amtool: Path) -> None:
    block = re.search(r"```sh\n(.*?)```", (PROJECT / "docs" / "runbooks.md").read_text(), re.DOTALL)
    assert block
    adding, expiring = block[1].replace("http://localhost:9093", alertmanager.url).rsplit("\n", 2)[:2]

    def run(script: str) -> None:
        environment = {"PATH": f"{amtool.parent}:{os.environ['PATH']}", "USER": "somebody"}
        subprocess.run(["sh", "-e", "-c", script], env=environment, check=True, timeout=60, capture_output=True)

    run(adding)
    charger = labels_of("VechargeChargerOffline") | {"job": "silences"}
    for labels, silenced in [
        ({"charger_id": "test", "account": "pune"}, True),
        ({"address": "Rohini Sector 22, Delhi", "account": "pune"}, True),
        ({"charger_id": "c1", "account": "delhi"}, True),
        ({"charger_id": "c1", "account": "pune"}, False),
    ]:
        alertmanager.receive([charger | labels])
        [seen] = [alert for alert in alertmanager.alerts() if alert["labels"] == charger | labels]
        assert bool(seen["status"]["silencedBy"]) is silenced, labels

    first = alertmanager.silences()[0]["id"]
    run(expiring.replace("SILENCE_ID", first))
    states = {silence["id"]: silence["status"]["state"] for silence in alertmanager.silences()}
    assert states.pop(first) == "expired"
    assert list(states.values()) == ["active", "active"]


def send(alertmanager: Alertmanager, *alerts: dict[str, str]) -> None:
    """Send alerts, and return when Alertmanager has processed them all."""
    # It processes them in order, after it has answered: when the last effect is muted, all are processed.
    job = {"job": f"processed {len(alertmanager.alerts())}"}
    last = [labels_of("VechargeAccountOutage") | job, labels_of("VechargeChargerOffline") | job]
    alertmanager.receive([*alerts])
    alertmanager.receive(last)
    wait_until(lambda: last[1] in muted_in(alertmanager), "all alerts processed")


def muted_in(alertmanager: Alertmanager) -> list[dict[str, str]]:
    """The labels of every alert that another alert mutes."""
    return [alert["labels"] for alert in alertmanager.alerts() if alert["status"]["inhibitedBy"]]
