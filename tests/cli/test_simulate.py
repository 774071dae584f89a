"""The messages of `simulate` when it cannot start."""

from pathlib import Path

import pytest

from exporter.cli.demo import run_simulator
from exporter.errors import ConfigError, ListenError
from exporter.simulator import Simulator, SimulatorOptions


async def test_an_address_in_use_is_reported_with_a_remedy() -> None:
    async with Simulator(SimulatorOptions(chargers=1)) as other:
        port = int(other.url.rpartition(":")[2])
        with pytest.raises(ListenError) as refused:
            await run_simulator(SimulatorOptions(chargers=1, port=port), print)
    assert str(refused.value) == (
        f"cannot listen on 127.0.0.1:{port} (OSError: Address already in use): choose another --listen-address"
    )


async def test_a_certificate_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    certificate = tmp_path / "gone.pem"
    with pytest.raises(ConfigError, match=f"--tls-cert {certificate}: certificate or key cannot be used"):
        await run_simulator(SimulatorOptions(chargers=1, tls_cert=certificate), print)
