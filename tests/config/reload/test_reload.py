"""A reload affects only what has changed, and an invalid file changes nothing."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.config.reload.watching import RELOADED, configure, gauge, sids, wait_until_connected, watched
from tests.end_to_end.program import CHECK_OFTEN, PROGRAM, Exporter, account, changed_by
from tests.node.service import NodeService
from tests.processes import Process, wait_until

LOG = {"voltage": "230.00", "current": "7.00", "power": "1577.80", "createdAt": "2026-01-10T13:57:59.124Z"}


def test_a_new_charger_is_watched_and_the_others_keep_their_connections(
    node: NodeService, token: Path, start_exporter: Callable[..., Exporter]
) -> None:
    exporter = start_exporter({"accounts": [account(node.url, token, ["stays"])]})
    wait_until_connected(exporter, "stays")
    before = sids(node, "stays")
    configure(exporter, [account(node.url, token, ["stays", "comes"])])
    wait_until_connected(exporter, "stays", "comes")
    assert sids(node, "stays") == before


def test_a_removed_charger_is_disconnected_and_has_no_series(
    node: NodeService, token: Path, start_exporter: Callable[..., Exporter]
) -> None:
    exporter = start_exporter({"accounts": [account(node.url, token, ["stays", "leaves"])]})
    wait_until_connected(exporter, "stays", "leaves")
    before = sids(node, "stays")
    configure(exporter, [account(node.url, token, ["stays"])])
    wait_until(lambda: watched(exporter) == {"stays"}, "one charger watched")
    assert not node.open_connections("leaves")
    assert '"leaves"' not in exporter.scrape()
    assert sids(node, "stays") == before


def test_an_unchanged_charger_keeps_its_counters_and_gauges(
    node: NodeService, token: Path, start_exporter: Callable[..., Exporter]
) -> None:
    exporter = start_exporter({"accounts": [account(node.url, token, ["stays"])]})
    wait_until_connected(exporter, "stays")
    node.emit("stays", "newLog", LOG | {"energy": 1.0, "chargerId": "stays"})
    wait_until(lambda: exporter.values("vecharge_charger_readings_total")["stays"] == 1, "a reading")
    configure(exporter, [account(node.url, token, ["stays", "comes"])])
    wait_until_connected(exporter, "comes")
    assert exporter.values("vecharge_charger_power_watts")["stays"] == 1577.8
    assert exporter.values("vecharge_charger_energy_joules_total")["stays"] == 3_600_000
    assert exporter.values("vecharge_charger_readings_total")["stays"] == 1


def test_a_charger_that_comes_back_keeps_its_total(
    node: NodeService, token: Path, start_exporter: Callable[..., Exporter]
) -> None:
    exporter = start_exporter({"accounts": [account(node.url, token, ["stays", "leaves"])]})
    wait_until_connected(exporter, "stays", "leaves")
    node.emit("leaves", "newLog", LOG | {"energy": 2.0, "chargerId": "leaves"})
    wait_until(lambda: exporter.values("vecharge_charger_readings_total")["leaves"] == 1, "a reading")
    configure(exporter, [account(node.url, token, ["stays"])])
    wait_until(lambda: watched(exporter) == {"stays"}, "one charger watched")
    configure(exporter, [account(node.url, token, ["stays", "leaves"])])
    wait_until(lambda: "leaves" in watched(exporter), "two chargers watched")
    assert exporter.values("vecharge_charger_energy_joules_total")["leaves"] == 7_200_000


def test_a_changed_account_reconnects_its_chargers_one_connection_at_a_time(
    node: NodeService, token: Path, start_exporter: Callable[..., Exporter]
) -> None:
    one = account(node.url, token, ["a", "b"], name="one")
    two = account(node.url, token, ["c"], name="two")
    exporter = start_exporter({"accounts": [one, two]})
    wait_until_connected(exporter, "a", "b", "c")
    untouched = sids(node, "c")
    configure(exporter, [one | {"connect_timeout": "7s"}, two])
    wait_until(lambda: len(sids(node, "a")) == len(sids(node, "b")) == 2, "new connections")
    wait_until_connected(exporter, "a", "b", "c")
    assert sids(node, "c") == untouched
    assert node.most_at_once("a") == node.most_at_once("b") == 1
    reload = exporter.scrape()
    assert 'vecharge_account_disconnections_total{account="one",reason="reload"} 2.0' in reload


def test_an_invalid_file_changes_nothing_and_is_in_log_and_metric(
    node: NodeService, token: Path, start_exporter: Callable[..., Exporter]
) -> None:
    exporter = start_exporter({"accounts": [account(node.url, token, ["stays"])]})
    wait_until_connected(exporter, "stays")
    since = gauge(exporter, "vecharge_exporter_config_last_reload_success_timestamp_seconds")
    before = sids(node, "stays")
    configure(exporter, [account(node.url, token, ["stays", "stays"])])
    line = exporter.process.wait_for_line(r"level=error msg=\"reload failed.*")[0]
    assert "duplicate charger id" in line
    assert gauge(exporter, RELOADED) == 0
    assert gauge(exporter, "vecharge_exporter_config_last_reload_success_timestamp_seconds") == since
    assert sids(node, "stays") == before
    configure(exporter, [account(node.url, token, ["stays"])])
    wait_until(lambda: gauge(exporter, RELOADED) == 1, "a good reload")
    assert sids(node, "stays") == before


@pytest.mark.parametrize("atomically", [True, False], ids=["atomically", "in place"])
def test_a_changed_charger_file_is_reloaded_without_a_signal(
    node: NodeService, token: Path, tmp_path: Path, start_exporter: Callable[..., Exporter], atomically: bool
) -> None:
    files = tmp_path / "exporter" / "chargers"
    files.mkdir(parents=True)
    (files / "a.json").write_text(json.dumps(["stays"]))
    entry = account(node.url, token, []) | {"charger_files": ["chargers/*"]}
    del entry["chargers"]
    exporter = start_exporter({"accounts": [entry]}, wrapper=changed_by(CHECK_OFTEN))
    wait_until_connected(exporter, "stays")
    before = sids(node, "stays")
    if atomically:
        (tmp_path / "new").write_text("- stays\n- comes\n")
        (files / "a.json").unlink()
        (tmp_path / "new").rename(files / "a.yml")
    else:
        (files / "a.json").write_text(json.dumps(["stays", {"id": "comes", "name": "New"}]))
    wait_until_connected(exporter, "stays", "comes")
    assert sids(node, "stays") == before


def test_signals_during_the_start_take_effect_after_it(node: NodeService, token: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text(yaml.safe_dump({"accounts": [account(node.url, token, ["charger"])]}))
    arguments = [f"--config.file={config}", "--web.listen-address=127.0.0.1:0", f"--storage.path={tmp_path / 'data'}"]
    with Process(PROGRAM, *arguments, output=tmp_path / "log") as exporter:
        exporter.wait_for_line("starting vecharge-exporter")
        exporter.signal(signal.SIGHUP)
        exporter.wait_for_line("configuration reloaded")
        exporter.signal(signal.SIGTERM)
        assert exporter.wait_for_end() == 0
