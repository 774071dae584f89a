"""Several exporters divide the chargers: each is on exactly one, as computed by Prometheus' relabelling."""

import io
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.app import Exporter, Options, open_store
from exporter.config.load import AccountConfig, ChargerConfig, Config
from exporter.config.sharding import Shard, hashmod
from exporter.config.tokens import TokenSource
from exporter.errors import ConfigError
from exporter.logs import create_log
from exporter.metrics.lines import escape
from exporter.web.listening import ListenAddress
from exporter.web.server import WebOptions
from tests.prometheus import Prometheus

MODULI = (2, 3, 10, 1000)
IDS = [f"veChargePoint{number:07d}" for number in range(200)] + ["test", "a b", 'q"', "back\\slash", "चार्जर", "⚡"]
charger_ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def configuration(*accounts: tuple[str, list[str]]) -> Config:
    return Config(
        accounts=tuple(
            AccountConfig(
                name=name,
                url="http://127.0.0.1:9",  # no server listens there
                token=TokenSource(literal="none"),
                chargers=tuple(ChargerConfig(id=charger_id) for charger_id in ids),
            )
            for name, ids in accounts
        )
    )


def watched(config: Config) -> list[str]:
    return [charger.id for account in config.accounts for charger in account.chargers]


@given(charger_ids, st.integers(1, 1000))
def test_every_charger_is_on_exactly_one_shard(charger_id: str, total: int) -> None:
    assert [Shard(index, total).watches(charger_id) for index in range(total)].count(True) == 1


@given(st.lists(charger_ids, unique=True, max_size=20), st.integers(1, 5))
def test_the_shards_of_a_configuration_together_have_every_charger(ids: list[str], total: int) -> None:
    config = configuration(("delhi", ids[::2]), ("pune", ids[1::2]))
    parts = [Shard(index, total).of(config) for index in range(total)]
    assert sorted(charger_id for part in parts for charger_id in watched(part)) == sorted(ids)


def test_a_shard_keeps_accounts_without_chargers() -> None:
    # Every shard checks its token, so that its alerts do not depend on the shards of its chargers.
    config = configuration(("delhi", ["test"]))
    assert [[account.name for account in Shard(index, 2).of(config).accounts] for index in (0, 1)] == [["delhi"]] * 2


def test_a_single_shard_watches_everything() -> None:
    config = configuration(("delhi", IDS))
    assert Shard().of(config) == config


@pytest.mark.parametrize(("index", "total"), [(2, 2), (-1, 2), (0, 0)])
def test_a_shard_out_of_range_is_rejected(index: int, total: int) -> None:
    with pytest.raises(ConfigError, match=rf"^--shard {index}: must be from 0 to {total - 1}, one less than"):
        Shard(index, total)


def test_a_large_fleet_is_divided_evenly() -> None:
    counts = [0] * 10
    for number in range(10_000):
        counts[hashmod(f"veChargePoint{number:07d}", 10)] += 1
    assert 900 < min(counts) <= max(counts) < 1100


async def test_exporters_divide_a_configuration_at_start_and_after_a_reload(tmp_path: Path) -> None:
    config = configuration(("delhi", IDS[:10]))
    log = create_log("error", "logfmt", io.StringIO())
    async with AsyncExitStack() as running:
        exporters = []
        for index in range(2):
            web = WebOptions((ListenAddress("127.0.0.1", 0),))
            options = Options(web, tmp_path / str(index), Shard(index, 2))
            exporter = Exporter(config, lambda: config, options, open_store(options, log), log)
            exporters.append(await running.enter_async_context(exporter))

        def shares() -> list[list[str]]:
            return [[charger.charger_id for charger in exporter.fleet.chargers] for exporter in exporters]

        assert shares() == [watched(Shard(index, 2).of(config)) for index in range(2)]
        config = configuration(("delhi", IDS[5:15]))
        for exporter in exporters:
            await exporter.reloads.reload()
        assert shares() == [watched(Shard(index, 2).of(config)) for index in range(2)]


def test_prometheus_computes_the_same_hashmod(prometheus_binary: Path, tmp_path: Path) -> None:
    relabelling = [
        {"source_labels": ["charger_id"], "action": "hashmod", "modulus": total, "target_label": f"of_{total}"}
        for total in MODULI
    ]
    page = "".join(f'vecharge_charger_up{{charger_id="{escape(charger_id)}"}} 1\n' for charger_id in IDS)
    with (
        page_of(page) as target,
        Prometheus(
            prometheus_binary, tmp_path / "prometheus", [target], scrape={"metric_relabel_configs": relabelling}
        ) as prometheus,
    ):
        samples = prometheus.wait_for("vecharge_charger_up", lambda found: len(found) == len(IDS))
    shards = {
        (sample.labels["charger_id"], total): int(sample.labels[f"of_{total}"])
        for sample in samples
        for total in MODULI
    }
    assert shards == {(charger_id, total): hashmod(charger_id, total) for charger_id in IDS for total in MODULI}


@contextmanager
def page_of(text: str) -> Iterator[str]:
    """The address of a server that responds to every request with this page."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
