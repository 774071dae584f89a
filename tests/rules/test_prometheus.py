"""The example configurations of Prometheus, checked by promtool and by a real Prometheus."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.processes import Process
from tests.prometheus import Prometheus
from tests.rules.rulefiles import PROMETHEUS, document

EXAMPLES = PROMETHEUS / "examples"
CONFIGS = [PROMETHEUS / "prometheus.yml", *sorted(EXAMPLES.glob("*.yml"))]
CHARGERS = ["rohini-1", "rohini-2", "rohini-3", "karol-bagh-1", "karol-bagh-2", "karol-bagh-3"]
PAGE = "".join(
    f"""\
vecharge_charger_up{{charger_id="{charger}"}} 1
vecharge_charger_latitude_degrees{{charger_id="{charger}"}} 28.7
vecharge_charger_longitude_degrees{{charger_id="{charger}"}} 77.1
vecharge_charger_info{{charger_id="{charger}",account="delhi",address="Sector 22",detail="gate"}} 1
"""
    for charger in CHARGERS
)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_promtool_finds_no_problem(promtool: Path, config: Path) -> None:
    ended = subprocess.run([promtool, "check", "config", config], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def prometheus(prometheus_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Run the jobs of all examples on a test page instead of exporters."""
    folder = tmp_path_factory.mktemp("examples")
    page = folder / "page" / "metrics.txt"
    page.parent.mkdir()
    page.write_text(PAGE + "vecharge_exporter_scrapes_total 7\n")
    serve = [sys.executable, "-u", "-m", "http.server", "0", "--bind=127.0.0.1", f"--directory={page.parent}"]
    with Process(*serve, output=folder / "page.log") as server:
        address = f"127.0.0.1:{server.wait_for_line(r'port ([0-9]+)')[1]}"
        shards = [entry | {"targets": [address]} for entry in document(EXAMPLES / "targets" / "vecharge.yml")]
        (folder / "shards.yml").write_text(yaml.safe_dump(shards))
        relabelling = [
            job | {"static_configs": [{"targets": [address]}]}
            for job in document(EXAMPLES / "relabelling.yml")["scrape_configs"]
        ]
        discovering = [
            job | {"file_sd_configs": [{"files": [str(folder / "shards.yml")]}]}
            for job in document(EXAMPLES / "file_sd.yml")["scrape_configs"]
        ]
        here = {"metrics_path": "/metrics.txt", "scrape_interval": "1s", "scrape_timeout": "1s"}
        jobs = [job | here for job in [*relabelling, *discovering]]
        with Prometheus(prometheus_binary, folder, [], config={"scrape_configs": jobs}) as running:
            running.wait_for(f"count(up == 1) == {len(relabelling) + len(shards)}")
            yield running


def test_files_name_the_exporters_by_shard_and_not_by_address(prometheus: Prometheus) -> None:
    targets = prometheus.query('up{job="vecharge"}')
    assert sorted(target.labels["instance"] for target in targets) == ["vecharge-0", "vecharge-1"]
    assert all(set(target.labels) == {"__name__", "job", "instance"} for target in targets)


def test_one_site_keeps_its_chargers_and_the_metrics_of_the_exporter(prometheus: Prometheus) -> None:
    assert chargers(prometheus, "vecharge-one-site") == {"rohini-1", "rohini-2", "rohini-3"}
    assert prometheus.query('vecharge_exporter_scrapes_total{job="vecharge-one-site"}')


def test_without_places_neither_positions_nor_addresses_are_kept(prometheus: Prometheus) -> None:
    everything = prometheus.query('{job="vecharge-no-places"}')
    assert chargers(prometheus, "vecharge-no-places") == set(CHARGERS)
    assert not [sample for sample in everything if "degrees" in sample.labels["__name__"]]
    assert not [sample for sample in everything if {"address", "detail"} & set(sample.labels)]


def test_a_half_has_its_chargers_by_hashmod_and_the_metrics_of_the_exporter(prometheus: Prometheus) -> None:
    def hashmod(charger: str) -> int:
        return int.from_bytes(hashlib.md5(charger.encode()).digest()[8:]) % 2

    half = {charger for charger in CHARGERS if hashmod(charger) == 0}
    assert half
    assert chargers(prometheus, "vecharge-half") == half
    assert prometheus.query('vecharge_exporter_scrapes_total{job="vecharge-half"}')


def chargers(prometheus: Prometheus, job: str) -> set[str]:
    return {sample.labels["charger_id"] for sample in prometheus.query(f'vecharge_charger_up{{job="{job}"}}')}
