"""The program and its state file after every kind of end: no total that was shown falls or is lost."""

import re
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from exporter.charger.charger import KeptState
from exporter.charger.meter_state import MeterState
from exporter.state.state_file import STATE_FILE, read
from tests.cache import UnavailableError
from tests.conftest import or_skip
from tests.end_to_end.program import OPENMETRICS, PROGRAM, Exporter
from tests.processes import wait_until
from tests.simulated import JOULES_PER_KWH, SimulatedService

ENERGY = "vecharge_charger_energy_joules_total"
# Docker kills a container 10 s after the signal.
STOP_SECONDS = 9.0
# Prometheus gives up a scrape after 10 s.
SCRAPE_SECONDS = 9.0
Start = Callable[..., Exporter]


def energies(exporter: Exporter) -> dict[str, float]:
    return exporter.values(ENERGY)


def own(exporter: Exporter, metric: str) -> float:
    """The value of a metric of the exporter itself."""
    found = re.search(rf"^{metric} (\S+)$", exporter.scrape(), re.MULTILINE)
    assert found
    return float(found[1])


def charge(service: SimulatedService) -> None:
    """Every charger is in a session and has sent its energy."""
    service.wait_until_watched()
    before = sum(service.joules().values())

    def told_more() -> bool:
        service.act("on")
        service.act("log")
        return sum(service.joules().values()) > before

    wait_until(told_more, "energy that flows")
    service.wait_until_watched()


def wait_for_truth(exporter: Exporter, service: SimulatedService) -> dict[str, float]:
    truth: dict[str, float] = dict(service.joules())
    wait_until(lambda: energies(exporter) == truth, "the true totals on the page")
    return truth


def kill(exporter: Exporter) -> None:
    exporter.process.signal(signal.SIGKILL)
    assert exporter.process.wait_for_end() == -signal.SIGKILL


def unreachable(service: SimulatedService) -> dict[str, Any]:
    """The same chargers at a service that is not there."""
    return {"accounts": [service.account() | {"url": "http://127.0.0.1:9"}]}


def test_the_first_scrape_after_kill_9_shows_the_totals_of_the_last_scrape(
    service: SimulatedService, start: Start
) -> None:
    exporter = start()
    charge(service)
    shown = wait_for_truth(exporter, service)
    created = exporter.scrape(OPENMETRICS)
    sessions = exporter.values("vecharge_charger_sessions_total")
    kill(exporter)
    again = start(unreachable(service))
    assert energies(again) == shown
    assert again.values("vecharge_charger_sessions_total") == sessions
    assert set(again.values("vecharge_stream_connections_total").values()) == {0}

    def lines(page: str) -> set[str]:
        return {line for line in page.splitlines() if "_created{charger_id=" in line}

    assert lines(again.scrape(OPENMETRICS)) == lines(created)
    assert len(lines(created)) == 2 * len(shown)


def test_a_session_that_continues_while_the_exporter_is_down_is_counted_in_full(
    service: SimulatedService, start: Start
) -> None:
    exporter = start()
    charge(service)
    wait_for_truth(exporter, service)
    kill(exporter)
    before = service.joules()

    def more_flowed() -> bool:
        service.act("log")
        return all(joules > before[name] for name, joules in service.joules().items())

    wait_until(more_flowed, "energy that flows unseen")
    again = start()
    service.wait_until_watched()
    service.act("log")
    wait_for_truth(again, service)


def test_a_session_that_begins_while_the_exporter_is_down_is_counted_in_full(
    service: SimulatedService, start: Start
) -> None:
    charger = next(name for name, row in service.totals().items() if row["status"] == "OFF")

    def send_log(kwh: float, second: int) -> None:
        log = {"voltage": "230.00", "current": "30.00", "power": "6900.00", "energy": kwh}
        log |= {"createdAt": f"2026-01-01T00:{second // 60:02}:{second % 60:02}.000Z"}
        service.act("send", charger, event="newLog", payload=log)

    exporter = start()
    service.wait_until_watched()
    service.act("send", charger, event="statusChanged", payload={"status": "ON"})
    send_log(0.0, 0)
    send_log(0.05, 10)
    wait_until(lambda: energies(exporter).get(charger) == 0.05 * JOULES_PER_KWH, "the first session")
    kill(exporter)
    again = start()
    service.wait_until_watched()
    service.act("send", charger, event="statusChanged", payload={"status": "ON"})
    send_log(0.02, 20)
    send_log(0.04, 30)
    wait_until(lambda: energies(again).get(charger) == 0.09 * JOULES_PER_KWH, "both sessions")
    assert again.values("vecharge_charger_sessions_total")[charger] == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_exporter_after_a_final_commit(
    service: SimulatedService, start: Start, storage: Path, number: signal.Signals
) -> None:
    exporter = start()
    charge(service)
    shown = wait_for_truth(exporter, service)
    charge(service)
    more = service.joules()
    assert more != shown
    # A scrape would commit. The log shows without one that everything has arrived.
    service.act("off")
    off = "charger switched off"
    wait_until(lambda: exporter.process.text().count(off) == len(more), "every charger seen off")
    exporter.process.signal(number)
    started = time.monotonic()
    assert exporter.process.wait_for_end() == 0
    assert time.monotonic() - started < STOP_SECONDS
    assert [path.name for path in storage.iterdir() if path.name.startswith(STATE_FILE)] == [STATE_FILE]
    assert {name: kept.meter.total_joules for name, kept in read(storage).items()} == more
    wait_until(lambda: not any(row["connected"] for row in service.totals().values()), "every stream closed")


def test_neither_an_unresponsive_service_nor_disk_delays_the_stop(
    service: SimulatedService, start: Start, storage: Path
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        account = service.account() | {"url": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        exporter = start({"accounts": [account]})
        # Another program's transaction blocks every write, like a disk that hangs.
        with closing(sqlite3.connect(storage / STATE_FILE, isolation_level=None)) as intruder:
            intruder.execute("BEGIN IMMEDIATE")
            exporter.process.signal(signal.SIGTERM)
            started = time.monotonic()
            assert exporter.process.wait_for_end() == 0
            assert time.monotonic() - started < STOP_SECONDS
    assert "final commit failed; totals since the previous commit are lost" in exporter.process.text()


def test_a_second_exporter_exits_with_1_and_a_line_that_names_the_file(start: Start) -> None:
    exporter = start()
    ended = subprocess.run(
        [PROGRAM, "run", "--config.file=config.yml", "--web.listen-address=127.0.0.1:0"],
        cwd=exporter.folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        "vecharge-exporter: the state file data/state.db is in use by another exporter: "
        "stop it first, or use another --storage.path"
    )
    assert exporter.process.running


def truncate(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip_a_bit(content: bytes) -> bytes:
    # In the total of a charger, the first field of its meter, after the beginnings of two arrays and the type of the
    # number.
    begin = msgspec.msgpack.encode(KeptState(MeterState(), 0.0))[:4]
    place = content.index(begin) + len(begin) + 1
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize("damage", [truncate, flip_a_bit])
def test_a_damaged_file_is_set_aside_and_reported_in_log_and_metric(
    service: SimulatedService, start: Start, storage: Path, damage: Callable[[bytes], bytes]
) -> None:
    exporter = start()
    charge(service)
    wait_for_truth(exporter, service)
    exporter.process.stop()
    damaged = damage((storage / STATE_FILE).read_bytes())
    (storage / STATE_FILE).write_bytes(damaged)
    again = start()
    assert "level=error" in again.process.text()
    assert "set_aside=data/state.db.damaged-1" in again.process.text()
    assert (storage / "state.db.damaged-1").read_bytes() == damaged
    assert own(again, "vecharge_exporter_state_damaged_files") == 1


def test_a_charger_that_left_the_configuration_comes_back_with_its_total(
    service: SimulatedService, start: Start
) -> None:
    exporter = start()
    charge(service)
    shown = wait_for_truth(exporter, service)
    exporter.process.stop()
    account = service.account()
    smaller = start({"accounts": [account | {"chargers": account["chargers"][1:]}]})
    assert energies(smaller).keys() == shown.keys() - {account["chargers"][0]}
    smaller.process.stop()
    assert energies(start(unreachable(service))) == shown


def fill_up(file: Path) -> None:
    """Fill the disk."""
    with file.open("wb", buffering=0) as opened, suppress(OSError):
        while True:
            opened.write(bytes(512))


@pytest.fixture
def small_disk(tmp_path: Path) -> list[str]:
    """The prefix of a command whose `data` is its own disk of half a megabyte."""
    unshare = ["unshare", "--map-root-user", "--mount"]

    def usable() -> Path:
        if subprocess.run([*unshare, "true"], capture_output=True).returncode:
            raise UnavailableError("a disk of its own for one process needs user namespaces")
        return tmp_path

    or_skip(usable)
    return [*unshare, "sh", "-c", 'mkdir data && mount -t tmpfs -o size=512k tmpfs data && exec "$@"', "sh"]


def test_a_full_disk_fails_commits_without_lowering_a_total(
    service: SimulatedService, start: Start, small_disk: list[str]
) -> None:
    exporter = start(wrapper=small_disk)
    charge(service)
    shown = wait_for_truth(exporter, service)
    filler = Path(f"/proc/{exporter.process.pid}/root{exporter.folder}/data/filler")

    def failed() -> float:
        # A commit needs no space while it can use its file and journal again.
        filler.with_name("state.db-journal").unlink(missing_ok=True)
        fill_up(filler)
        charge(service)
        return own(exporter, "vecharge_exporter_state_commit_failures_total")

    wait_until(failed, "a commit that fails")
    stuck = energies(exporter)
    charge(service)
    assert energies(exporter) == stuck
    assert all(stuck[name] >= joules for name, joules in shown.items())
    assert exporter.process.text().count("the disk is full: make room on it") == 1
    filler.unlink()
    wait_for_truth(exporter, service)
    assert "state commits work again" in exporter.process.text()


def test_scrapes_show_committed_totals_while_the_disk_hangs(
    service: SimulatedService, start: Start, storage: Path
) -> None:
    exporter = start()
    charge(service)
    shown = wait_for_truth(exporter, service)
    with closing(sqlite3.connect(storage / STATE_FILE, isolation_level=None)) as intruder:
        intruder.execute("BEGIN IMMEDIATE")
        charge(service)
        started = time.monotonic()
        assert energies(exporter) == shown
        assert time.monotonic() - started < SCRAPE_SECONDS
        assert requests.get(f"{exporter.url}/-/healthy", timeout=5).status_code == requests.codes.ok
        assert own(exporter, "vecharge_exporter_state_commit_failures_total") >= 1
        assert "not on disk 5 s after it was requested" in exporter.process.text()
    wait_for_truth(exporter, service)
