"""`demo` and `simulate`: the simulator with and without the exporter."""

from pathlib import Path

import pytest

from exporter.cli.demo import run_simulator
from exporter.errors import ConfigError, ListenError
from exporter.simulator import Simulator, SimulatorOptions
from exporter.simulator.control import ACTIONS, application
from exporter.simulator.faults import CORRUPT
from exporter.simulator.service import Service
from exporter.web.listening import ListenAddress
from tests.cli.program import Program


def test_a_demo_needs_no_options(program: Program) -> None:
    assert program("demo").exit_code == 0
    ((name, arguments),) = program.ran
    assert (name, arguments[:2]) == ("demo", (12, 1.0))


def test_a_demo_with_options(program: Program) -> None:
    program("demo", "--chargers=3", "--speed=60", "--web.listen-address=:0")
    ((_, arguments),) = program.ran
    assert arguments[:2] == (3, 60.0)
    assert program.options().web.listen == (ListenAddress(None, 0),)


def test_a_simulator_needs_no_options(program: Program) -> None:
    assert program("simulate").exit_code == 0
    ((name, (options,)),) = program.ran
    assert (name, options) == ("simulate", SimulatorOptions(port=10038))


def test_a_simulator_with_options(program: Program) -> None:
    flags = ("--listen-address=[::1]:1", "--chargers=3", "--speed=60", "--log-interval=5", "--seed=7")
    program("simulate", *flags, VECHARGE_SIMULATOR_FAULTS="0.5")
    ((_, (options,)),) = program.ran
    assert options == SimulatorOptions(host="::1", port=1, chargers=3, speed=60.0, log_interval=5.0, seed=7, faults=0.5)


def test_a_simulator_is_served_over_tls_with_a_certificate(program: Program) -> None:
    program("simulate", "--tls-cert=cert.pem", "--tls-key=key.pem", "--payloads=mixed")
    ((_, (options,)),) = program.ran
    assert (options.tls_cert, options.tls_key, options.payloads) == (Path("cert.pem"), Path("key.pem"), "mixed")


def test_a_key_without_its_certificate_is_rejected(program: Program) -> None:
    assert program("simulate", "--tls-key=key.pem").exit_code == 2
    assert program.ran == []


def test_the_help_of_the_simulator_names_every_request(program: Program) -> None:
    printed = program("simulate", "--help").output
    paths = [resource.canonical for resource in application(Service(SimulatorOptions()), print).router.resources()]
    fixed = [path for path in paths if "{" not in path and path != "/socket.io/"]
    assert fixed
    assert [path for path in fixed if path not in printed] == []
    for action in (*ACTIONS, "drop"):
        assert f"/simulator/chargers/CHARGER/{action} " in printed
    for action in ("revoke", "restore", "rotate"):
        assert f"/simulator/token/{action} " in printed
    assert [kind for kind in CORRUPT if kind not in printed] == []


@pytest.mark.parametrize("flag", ["--chargers=0", "--chargers=x", "--speed=0", "--speed=-1"])
@pytest.mark.parametrize("command", ["demo", "simulate"])
def test_options_out_of_range_are_rejected(program: Program, command: str, flag: str) -> None:
    assert program(command, flag).exit_code == 2
    assert program.ran == []


async def test_an_address_in_use_is_reported_with_a_remedy() -> None:
    async with Simulator(SimulatorOptions(chargers=1)) as other:
        port = int(other.url.rpartition(":")[2])
        with pytest.raises(ListenError) as refused:
            await run_simulator(SimulatorOptions(chargers=1, port=port))
    assert str(refused.value) == (
        f"cannot listen on 127.0.0.1:{port} (OSError: Address already in use): choose another --listen-address"
    )


async def test_a_certificate_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    certificate = tmp_path / "gone.pem"
    with pytest.raises(ConfigError, match=f"--tls-cert {certificate}: certificate or key cannot be used"):
        await run_simulator(SimulatorOptions(chargers=1, tls_cert=certificate))
