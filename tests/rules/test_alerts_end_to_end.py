"""From a charger to a notification: simulator, exporter, Prometheus and Alertmanager as processes.

The rules are the shipped ones, but a minute of `for` and `keep_firing_for` is a second, in all but one of them.
"""

import re
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
import yaml

from tests.processes import SECONDS, Process, wait_until
from tests.prometheus import Prometheus
from tests.rules.alertmanager import Alertmanager
from tests.rules.rulefiles import ALERTS, PROMETHEUS
from tests.rules.webhook import Notification, Webhook

CHARGERS = [f"sim-{number:04}" for number in range(1, 9)]
CONFIG = "vecharge.yml"
# Only bounds a failure: scrape, rule, group and inhibition wait for each other, and each is late on a busy machine.
NOTIFICATION_SECONDS = 180.0
VECHARGE_EXPORTER = Path(sys.executable).with_name("vecharge-exporter")


class Chain(NamedTuple):
    simulator_url: str
    exporter: Process
    config: Path
    exporter_address: str
    prometheus: Prometheus
    alertmanager: Alertmanager
    webhook: Webhook

    def order(self, charger: str, action: str) -> None:
        """Has the simulator do something to a charger, or to all."""
        url = f"{self.simulator_url}/simulator/chargers/{charger}/{action}"
        requests.post(url, timeout=SECONDS).raise_for_status()

    @contextmanager
    def watching_too(self, charger: str) -> Iterator[None]:
        """Have the exporter watch another charger for a time."""
        written = self.config.read_text()
        config = yaml.safe_load(written)
        config["accounts"][0]["chargers"].append(charger)
        self._reload(yaml.safe_dump(config))
        yield
        self._reload(written)

    def _reload(self, config: str) -> None:
        self.config.write_text(config)
        self.exporter.signal(signal.SIGHUP)

    def notification(self, receiver: str, alert: str, status: str) -> Notification:
        """Wait for the first notification of a receiver about an alert."""
        return wait_until(
            lambda: [one for one in self.notifications(receiver) if one.alerts(alert, status)],
            f"a notification of {receiver} that {alert} is {status}",
            NOTIFICATION_SECONDS,
        )[0]

    def notifications(self, receiver: str) -> list[Notification]:
        return [notification for notification in self.webhook.notifications if notification.receiver == receiver]


@pytest.fixture(scope="module")
def running(
    prometheus_binary: Path, alertmanager_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chain]:
    folder = tmp_path_factory.mktemp("chain")
    with ExitStack() as stack:
        webhook = stack.enter_context(Webhook())
        simulator = stack.enter_context(
            Process(
                VECHARGE_EXPORTER,
                "simulate",
                "--listen-address=127.0.0.1:0",
                f"--chargers={len(CHARGERS)}",
                "--log-interval=1",
                "--seed=1",
                output=folder / "simulator.log",
            )
        )
        simulator_url = simulator.wait_for_line(r"chargers at (http://127[0-9.]+:[1-9][0-9]*)")[1]
        exporter = stack.enter_context(exporter_of(simulator_url, folder))
        exporter_address = exporter.wait_for_line(r"listening.* address=(127[0-9.]+:[1-9][0-9]*)")[1]
        alertmanager = stack.enter_context(
            Alertmanager(alertmanager_binary, folder / "alertmanager", routes_to(webhook, folder))
        )
        prometheus = stack.enter_context(
            Prometheus(
                prometheus_binary,
                folder / "prometheus",
                [exporter_address],
                config={
                    "rule_files": [str(hasty_rules(folder))],
                    "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager.address]}]}]},
                },
            )
        )
        yield Chain(simulator_url, exporter, folder / CONFIG, exporter_address, prometheus, alertmanager, webhook)


@pytest.fixture
def chain(running: Chain) -> Chain:
    """The chain with every charger up, nothing firing and nothing received yet."""
    running.prometheus.wait_for(f"sum(vecharge_charger_up) == {len(CHARGERS)}", seconds=NOTIFICATION_SECONDS)
    running.prometheus.wait_for(
        'ALERTS{severity=~"critical|warning"}', lambda found: not found, seconds=NOTIFICATION_SECONDS
    )
    running.webhook.notifications.clear()
    return running


def exporter_of(simulator_url: str, folder: Path) -> Process:
    token = requests.get(f"{simulator_url}/simulator/token", timeout=SECONDS).json()["token"]
    chargers = [{"id": CHARGERS[0], "name": "Depot"}, *CHARGERS[1:]]
    account = {"name": "delhi", "url": simulator_url, "token_env": "TOKEN", "chargers": chargers}
    config = folder / CONFIG
    config.write_text(yaml.safe_dump({"accounts": [account]}))
    return Process(
        VECHARGE_EXPORTER,
        "run",
        f"--config.file={config}",
        "--web.listen-address=127.0.0.1:0",
        f"--storage.path={folder / 'state'}",
        output=folder / "exporter.log",
        env={"TOKEN": token},
    )


def hasty_rules(folder: Path) -> Path:
    rules = yaml.safe_load(ALERTS.read_text())
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        # The energy rises in steps of 0.01 kWh, at 2.5 kW one every 14 s: in seconds this alert fires without a fault.
        if rule.get("alert") == "VechargeEnergyNotRising":
            continue
        for key in {"for", "keep_firing_for"} & rule.keys():
            rule[key] = re.sub(r"m$", "s", rule[key])
    file = folder / "alerts.yml"
    file.write_text(yaml.safe_dump(rules))
    return file


def routes_to(webhook: Webhook, folder: Path) -> Path:
    text = (PROMETHEUS / "alertmanager.yml").read_text().replace("http://localhost:8080", webhook.url)
    file = folder / "alertmanager.yml"
    file.write_text(re.sub(r"(group_wait|group_interval): \w+", r"\1: 3s", text))
    return file


def test_a_charger_that_goes_offline_and_returns_notifies_with_name_and_site(chain: Chain) -> None:
    [info] = chain.prometheus.query(f'vecharge_charger_info{{charger_id="{CHARGERS[0]}"}}')

    chain.order(CHARGERS[0], "offline")

    notification = chain.notification("team", "VechargeChargerOffline", "firing")
    [alert] = notification.alerts("VechargeChargerOffline", "firing")
    assert notification.body["groupLabels"] == {"account": "delhi"}
    assert alert["labels"] == {
        "alertname": "VechargeChargerOffline",
        "job": "vecharge",
        "instance": chain.exporter_address,
        "account": "delhi",
        "charger_id": CHARGERS[0],
        "name": "Depot",
        "address": info.labels["address"],
        "severity": "warning",
        "scope": "charger",
    }
    dashboard, _, time = alert["annotations"].pop("dashboard_url").partition("&")
    assert dashboard == f"http://localhost:3000/d/vecharge-charger?var-charger_id={CHARGERS[0]}"
    assert re.fullmatch(r"to=\d{13}&from=\d{13}", time)
    assert alert["annotations"] == {
        "summary": f"Charger {CHARGERS[0]} (Depot) is offline.",
        "description": f"Charger {CHARGERS[0]} (Depot) of account delhi, {info.labels['address']}: "
        "it could not be reached for 5 minutes or longer (vecharge_charger_up is 0).",
        "runbook_url": "https://github.com/vecharge-exporter/vecharge-exporter/blob/main/docs/runbooks.md"
        "#vechargechargeroffline",
    }

    chain.order(CHARGERS[0], "online")

    resolved = chain.notification("team", "VechargeChargerOffline", "resolved")
    [alert_resolved] = resolved.alerts("VechargeChargerOffline", "resolved")
    assert alert_resolved["labels"] == alert["labels"]
    assert not chain.notifications("pager")


def test_an_account_without_network_is_one_notification(chain: Chain) -> None:
    chain.order("all", "offline")

    page = chain.notification("pager", "VechargeAccountOutage", "firing")
    [alert] = page.alerts("VechargeAccountOutage", "firing")
    assert alert["annotations"]["description"] == (
        "100% of the chargers of account delhi have been offline for 3 minutes or longer."
    )
    wait_until(lambda: muted_chargers(chain) == set(CHARGERS), "the alert of every single charger muted")

    chain.order("all", "online")

    chain.notification("pager", "VechargeAccountOutage", "resolved")
    assert not chain.notifications("team")


def test_a_mistyped_charger_id_is_one_notification(chain: Chain) -> None:
    # A charger with weak Wi-Fi would have a notification of its own.
    chain.order("all", "online")
    chain.order("all", "pause")
    chain.prometheus.wait_for(f"sum(vecharge_charger_up) == {len(CHARGERS)}")
    with chain.watching_too("smi-0001"):
        chain.notification("team", "VechargeChargerOffline", "firing")
    chain.notification("team", "VechargeChargerOffline", "resolved")
    chain.order("all", "resume")

    offline = "VechargeChargerOffline", "smi-0001"
    sent = [(one.receiver, [_which(alert) for alert in one.body["alerts"]]) for one in chain.webhook.notifications]
    assert sent == [("team", [("firing", *offline)]), ("team", [("resolved", *offline)])]


def test_chargers_that_are_switched_off_and_disconnected_fire_no_alert(chain: Chain) -> None:
    everyone = len(CHARGERS)
    chain.order("all", "on")
    chain.prometheus.wait_for(f'sum(vecharge_charger_status{{status="on"}}) == {everyone}')
    [disconnections] = chain.prometheus.query("sum(vecharge_stream_disconnections_total)")

    chain.order("all", "off")

    chain.prometheus.wait_for(
        f"sum(vecharge_stream_disconnections_total) >= {disconnections.value + everyone}"
        f" and sum(vecharge_stream_connected) == {everyone}"
    )
    chain.prometheus.wait_for(f'sum(min_over_time(vecharge_charger_status{{status="off"}}[7s])) == {everyone}')
    assert not chain.prometheus.query('max_over_time(ALERTS{severity!="none", alertstate="firing"}[7s])')
    assert not chain.webhook.notifications


def muted_chargers(chain: Chain) -> set[str]:
    return {
        alert["labels"]["charger_id"]
        for alert in chain.alertmanager.alerts()
        if alert["labels"]["alertname"] == "VechargeChargerOffline" and alert["status"]["inhibitedBy"]
    }


def _which(alert: dict[str, Any]) -> tuple[str, str, str | None]:
    labels = alert["labels"]
    return alert["status"], labels["alertname"], labels.get("charger_id")
