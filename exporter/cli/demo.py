"""The simulator on its own, and together with the exporter."""

from typing import Final

import click

from exporter.app import Exporter, Options, open_store, stop_signal
from exporter.config.load import AccountConfig, ChargerConfig, Config
from exporter.config.tokens import TokenSource
from exporter.errors import ConfigError, ListenError, cause_of
from exporter.logs import Log
from exporter.simulator import Simulator, SimulatorOptions

# At most this many chargers are in the printed command, so that it stays readable.
WATCHED: Final = 12


async def run_demo(chargers: int, speed: float, options: Options, log: Log) -> None:
    """Run simulator and exporter in one process until a signal."""
    stopped = stop_signal()
    async with Simulator(SimulatorOptions(chargers=chargers, speed=speed)) as simulator:
        account = AccountConfig(
            name="demo",
            url=simulator.url,
            token=TokenSource(literal=simulator.token),
            chargers=tuple(ChargerConfig(id=charger, name=name) for charger, name in simulator.names.items()),
        )
        config = Config(accounts=(account,), expose_location=True)
        async with Exporter(config, lambda: config, options, open_store(options, log), log) as exporter:
            click.echo(f"\n  {chargers} simulated chargers, watched by the exporter.")
            click.echo(f"\n  Open {exporter.url}/ and {exporter.url}{options.web.telemetry_path} - Ctrl-C stops it.\n")
            await stopped


async def run_simulator(options: SimulatorOptions) -> None:
    """Run the simulator until a signal; print the URL and the token to watch it. Raise ConfigError or ListenError."""
    stopped = stop_signal()
    try:
        simulator = Simulator(options)
    except OSError as error:
        raise ConfigError(
            f"--tls-cert {options.tls_cert}: certificate or key cannot be used ({cause_of(error)})"
        ) from error
    try:
        await simulator.start()
    except OSError as error:
        place = f"{options.host}:{options.port}"
        raise ListenError(f"cannot listen on {place} ({cause_of(error)}): choose another --listen-address") from error
    try:
        watched = simulator.charger_ids[:WATCHED]
        which = "them" if len(watched) == options.chargers else f"the first {len(watched)} of them"
        click.echo(
            f"Simulating {options.chargers} chargers at {simulator.url} (seed {simulator.seed}). To watch {which}:"
        )
        click.echo()
        click.echo(f"  export VECHARGE_URL={simulator.url} VECHARGE_TOKEN={simulator.token}")
        click.echo(f"  VECHARGE_CHARGERS={','.join(watched)} vecharge-exporter")
        click.echo()
        await stopped
    finally:
        await simulator.stop()
