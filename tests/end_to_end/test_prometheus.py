"""A real Prometheus scrapes the program with chargers of the simulator and of a Socket.IO server in Node.js."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.program import OPENMETRICS, Exporter, account
from tests.node.service import NodeService
from tests.processes import wait_until
from tests.prometheus import Prometheus
from tests.simulated import SimulatedService

StartExporter = Callable[..., Exporter]


def lint(promtool: Path, text: str) -> str:
    """The problems that `promtool check metrics` finds."""
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False, timeout=30
    )
    return checked.stdout + checked.stderr


def test_prometheus_answers_queries_about_simulated_chargers(
    prometheus_binary: Path, tmp_path: Path, simulated: dict[str, Any], start_exporter: StartExporter
) -> None:
    exporter = start_exporter(simulated)
    with Prometheus(prometheus_binary, tmp_path / "prometheus", [exporter.target]) as prometheus:
        exporter.wait_until_up(12)
        prometheus.wait_for_scrapes()
        prometheus.wait_for("sum(vecharge_charger_up) == 12")
        (charging,) = prometheus.wait_for("sum(vecharge_charger_power_watts) > 0")
        assert charging.value > 1000
        (volts,) = prometheus.query("avg(vecharge_charger_voltage_volts)")
        assert volts.value == pytest.approx(230, rel=0.1)
        prometheus.wait_for("sum(rate(vecharge_charger_energy_joules_total[30s])) > 0")
        assert prometheus.query("count(vecharge_charger_info)")[0].value == 12
        # Every charger is exactly one of on, off and unknown.
        states = prometheus.query("sum by (charger_id) (vecharge_charger_status) != 1")
        assert states == []


def test_prometheus_answers_queries_about_a_charger_of_a_node_server(
    prometheus_binary: Path,
    tmp_path: Path,
    node_service: Callable[..., NodeService],
    start_exporter: StartExporter,
) -> None:
    node = node_service("2")
    token = tmp_path / "token"
    token.write_text("a.b.c")
    exporter = start_exporter({"accounts": [account(node.url, token, ["test"])]})
    exporter.wait_until_up(1)
    with Prometheus(prometheus_binary, tmp_path / "prometheus", [exporter.target]) as prometheus:
        prometheus.wait_for('vecharge_charger_status{status="off"} == 1')
        node.emit("test", "statusChanged", {"status": "ON"})
        log = {"voltage": "230.00", "current": "7.00", "power": "1577.80", "energy": 0.23, "chargerId": "test"}
        node.emit("test", "newLog", {**log, "createdAt": "2022-01-10T13:57:59.124Z"}, "text")
        prometheus.wait_for("vecharge_charger_power_watts == 1577.8")
        prometheus.wait_for("vecharge_charger_session_energy_joules == 828000")
        node.off("test")
        prometheus.wait_for("vecharge_stream_connections_total == 2")
        prometheus.wait_for("vecharge_charger_current_amperes == 0")


def test_promtool_finds_no_problem_in_a_real_scrape(
    promtool: Path, simulated: dict[str, Any], start_exporter: StartExporter
) -> None:
    exporter = start_exporter(simulated)
    assert lint(promtool, exporter.scrape()) == "", "before any charger has connected"
    exporter.wait_until_up(12)
    wait_until(lambda: exporter.values("vecharge_charger_power_watts"), "the first readings")
    assert lint(promtool, exporter.scrape()) == ""
    assert lint(promtool, "# TYPE bad counter\nbad 1\n") != "", "promtool does look"


def test_promtool_and_histogram_quantile_accept_the_histograms_of_sessions(
    prometheus_binary: Path, promtool: Path, tmp_path: Path, start_exporter: StartExporter
) -> None:
    histograms = ("vecharge_account_session_energy_joules", "vecharge_account_session_duration_seconds")
    with SimulatedService(tmp_path / "simulator", chargers=4, speed=60, seed=3) as service:
        service.act("pause")
        exporter = start_exporter({"accounts": [service.account()]})
        service.wait_until_watched()

        def charge() -> bool:
            """A session of 0.1 kWh at each charger; the first is settled when the third begins."""
            before = service.joules()

            def has_delivered() -> bool:
                service.act("log")
                return all(joules > before[name] + 360_000 for name, joules in service.joules().items())

            service.act("on")
            wait_until(has_delivered, "0.1 kWh of each charger")
            service.act("off")
            return exporter.values(f"{histograms[0]}_count", "account")["test"] >= 4

        wait_until(charge, "settled sessions")
        assert lint(promtool, exporter.scrape()) == ""
        with Prometheus(prometheus_binary, tmp_path / "prometheus", [exporter.target]) as prometheus:
            for histogram in histograms:
                buckets = exporter.values(f"{histogram}_bucket", "le")
                prometheus.wait_for(f"{histogram}_count == {buckets['+Inf']}")
                (median,) = prometheus.query(f"histogram_quantile(0.5, sum by (le) ({histogram}_bucket))")
                bounds = [0.0, *map(float, buckets)]
                place = next(number for number, count in enumerate(buckets.values(), 1) if count >= buckets["+Inf"] / 2)
                assert bounds[place - 1] < median.value <= bounds[place]


def test_openmetrics_is_served_on_request(simulated: dict[str, Any], start_exporter: StartExporter) -> None:
    exporter = start_exporter(simulated)
    response = exporter.get("/metrics", OPENMETRICS)
    assert response.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert response.text.endswith("# EOF\n")


def test_the_demo_shows_12_live_chargers_and_exits_with_0(start_exporter: StartExporter) -> None:
    exporter = start_exporter(command=("demo", "--speed=60"))
    exporter.wait_until_up(12)
    first = exporter.values("vecharge_charger_power_watts")
    wait_until(lambda: exporter.values("vecharge_charger_power_watts") != first, "changing readings")
    said = exporter.process.text()
    assert f"{exporter.url}/" in said
    problems = [line for line in exporter.problems() if line and not line.startswith("  ")]
    assert problems == []
    assert exporter.process.stop() == 0
