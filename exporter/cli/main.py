"""The commands. Each imports what it needs when it runs, so that the others start quickly."""

import math
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import click

from exporter import __version__
from exporter.cli import flags, simulation
from exporter.errors import ConfigError, ExporterError
from exporter.gc_tuning import collect_rarely
from exporter.web.listening import ListenAddress

EXIT_FAILED = 1
EXIT_NOT_VALID = 2

_version = click.version_option(__version__, message="%(prog)s, version %(version)s", prog_name="vecharge-exporter")


class _RunByDefault(click.Group):
    """A group that runs `run` if the arguments do not begin with a command."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        # Before a command imports anything: with Python's defaults, a tenth of that time is garbage collection.
        collect_rarely()
        _open_standard_streams()
        return super().main(*args, **kwargs)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help", "--version")):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            for problem in error.problems:
                click.echo(f"vecharge-exporter: {problem}", err=True)
            sys.exit(EXIT_NOT_VALID)
        except ExporterError as error:
            click.echo(f"vecharge-exporter: {error}", err=True)
            sys.exit(EXIT_FAILED)


def _open_standard_streams() -> None:
    """Open /dev/null for each that is closed: libuv aborts when it closes a socket that has one of their numbers."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one


@click.group(cls=_RunByDefault, context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]})
@_version
def main() -> None:
    """Prometheus exporter for EV chargers on the veCharge service.

    Without a command it runs `run`; `vecharge-exporter run -h` lists its options.
    """


@main.command()
@flags.config_file
@flags.listen_addresses
@flags.telemetry_path
@flags.web_config_file
@flags.enable_lifecycle
@flags.grafana_url
@flags.storage_path
@flags.sessions_retention
@flags.shard
@flags.total_shards
@flags.record_file
@flags.record_max_size
@flags.log_flags
@_version
def run(
    config_file: Path | None,
    web_listen_address: tuple[ListenAddress, ...],
    web_telemetry_path: str,
    web_config_file: Path | None,
    web_enable_lifecycle: bool,
    web_grafana_url: str | None,
    storage_path: Path,
    storage_sessions_retention: int,
    shard: int,
    total_shards: int,
    record_file: Path | None,
    record_max_size: int,
    log_level: str,
    log_format: Any,
) -> None:
    """Watch chargers and serve their metrics. This is the default command."""
    from exporter.stream.tls import import_aiohttp

    import_aiohttp()  # before a module of the exporter does

    from exporter import app
    from exporter.cli.check import load_files
    from exporter.config.load import Config, load_file_or_environment
    from exporter.config.sharding import Shard
    from exporter.logs import create_log
    from exporter.stream.recording_file import RecordingFile
    from exporter.web.server import WebOptions

    web = WebOptions(web_listen_address, web_telemetry_path, web_config_file, web_enable_lifecycle, web_grafana_url)
    record = RecordingFile(record_file, record_max_size) if record_file else None
    options = app.Options(web, storage_path, Shard(shard, total_shards), record, storage_sessions_retention)

    def load() -> Config:
        return load_file_or_environment(config_file, os.environ)

    # Validate both files before anything is created or opened.
    config = load_files(config_file, web_config_file)
    log = create_log(log_level, log_format)
    app.run_loop(lambda: app.run_exporter(config, load, options, log), log)


main.add_command(simulation.demo)
main.add_command(simulation.simulate)


@main.command()
@flags.config_file
@flags.web_config_file
@click.option(
    "--online", is_flag=True, help="Also connect every charger once over each transport, and show the results."
)
def check(config_file: Path | None, web_config_file: Path | None, online: bool) -> None:
    """Check the configuration, the tokens in it and, with --online, whether every charger connects.

    Exit status 0: everything works; 1: a token or a charger does not work; 2: a file is not valid.
    """
    from exporter.cli.check import check_files, check_online, check_tokens

    config = check_files(config_file, web_config_file)
    problems = check_tokens(config)
    if online:
        problems += check_online(config)
    sys.exit(EXIT_FAILED if problems else 0)


@main.command()
@flags.flag("--url", prefix=flags.HEALTHCHECK, default="http://127.0.0.1:10037/-/healthy", help="URL to request.")
@flags.flag(
    "--ca-file",
    prefix=flags.HEALTHCHECK,
    type=flags.FILE,
    help="PEM file with the authority of the exporter's certificate, or a self-signed certificate itself.",
)
@flags.flag("--username", prefix=flags.HEALTHCHECK, help="User name, if the exporter requires a password.")
@flags.flag("--password-file", prefix=flags.HEALTHCHECK, type=flags.FILE, help="File that contains the password.")
def healthcheck(url: str, ca_file: Path | None, username: str | None, password_file: Path | None) -> None:
    """Ask a running exporter whether it is healthy, for container health checks.

    Exit status 0: it is healthy; 1: it is not healthy, or does not answer within 5 s.
    """
    from exporter.cli.healthcheck import ask

    ask(url, ca_file, username, password_file)
    click.echo(f"{url}: healthy")


@main.command()
def metrics() -> None:
    """Print the metric reference, as Markdown."""
    from exporter.cli.reference import metrics_reference

    click.echo(metrics_reference(), nl=False)


@main.group(invoke_without_command=True)
@flags.storage_path
@click.option("--json", "json", is_flag=True, help="Print JSON.")
@click.pass_context
def state(context: click.Context, storage_path: Path, json: bool) -> None:
    """Print the energy totals in the state file, including those of chargers that left the configuration.

    This only reads the file, so it works while the exporter runs and in a read-only folder. If the exporter was killed
    during a commit, the command first rolls the commit back, which needs write access.
    """
    context.obj = storage_path
    if context.invoked_subcommand is None:
        from exporter.cli import state as state_command
        from exporter.state import state_file

        kept = state_file.read(storage_path)
        click.echo(state_command.as_json(kept) if json else state_command.as_table(kept))


@state.command("set")
@click.argument("charger")
@click.option("--energy-kwh", type=click.FloatRange(0, 1_000_000_000), required=True, help="New total.")
@click.option("--new", is_flag=True, help="Add a charger that the state file does not have yet.")
@flags.config_file
@click.pass_obj
def state_set(storage_path: Path, charger: str, energy_kwh: float, new: bool, config_file: Path | None) -> None:
    """Set the total of a charger, after its meter was replaced or when it moves from another system.

    This fails while the exporter runs, and for a charger that neither the state file nor the configuration has.
    Prometheus interprets a total below the old one as a counter reset.
    """
    from exporter.cli import state as state_command
    from exporter.config.load import load as load_config

    if math.isnan(energy_kwh):
        raise click.BadParameter("must be a number", param_hint="--energy-kwh")
    accounts = load_config(config_file).accounts if config_file else ()
    configured = {one.id for account in accounts for one in account.chargers}
    click.echo(state_command.set_total(storage_path, charger, energy_kwh, may_add=new or charger in configured))


@state.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def state_backup(storage_path: Path, file: Path) -> None:
    """Write a complete copy of the state file to FILE, also while the exporter runs.

    Copy the state folder itself only while the exporter is stopped: a copy made while it runs may hold half of a
    commit.
    """
    from exporter.cli import state as state_command

    click.echo(state_command.backup(storage_path, file))


@state.command("forget")
@click.argument("charger")
@click.pass_obj
def state_forget(storage_path: Path, charger: str) -> None:
    """Delete the total and the sessions of a charger. This fails while the exporter runs."""
    from exporter.cli import state as state_command

    click.echo(state_command.forget(storage_path, charger))


@main.command()
@flags.storage_path
@click.option("--charger", "chargers", multiple=True, help="Only this charger. Can be repeated.")
@click.option(
    "--since",
    type=flags.TIME,
    help="Only sessions that began then or later: 2026-11-01T00:00:00Z, or 7d for 7 days ago.",
)
@click.option("--until", type=flags.TIME, help="Only sessions that began earlier.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", help="Output format.")
def sessions(
    storage_path: Path, chargers: tuple[str, ...], since: float | None, until: float | None, form: str
) -> None:
    """Print the charging sessions, and how they add up to the energy counter.

    Like `state` this only reads the file, so it works while the exporter runs and in a read-only folder. Exit status 1:
    sessions are damaged.
    """
    from exporter.cli.sessions import print_sessions
    from exporter.state.period import ALL_TIME, Period

    period = Period(ALL_TIME.since if since is None else since, ALL_TIME.until if until is None else until)
    print_sessions(storage_path, chargers, period, form, partial(click.echo, nl=False))


@main.command()
@click.argument("file", type=click.File("rb"))
@click.option("--json", "json", is_flag=True, help="Print JSON.")
@flags.flag(
    "--max-power-watts",
    type=click.FloatRange(1, 1e12),
    default=400_000,
    help="max_power_watts of the configuration: a rise of energy that needs more power is not counted.",
)
def replay(file: BinaryIO, json: bool, max_power_watts: float) -> None:
    """Play FILE, a recording of run --record.file, and print each charger's total and sessions.

    The exporter handles the recording like a live stream. FILE may be - for standard input.

    Exit status 0: the recording was played; 1: a line of it is not an event; 2: the file cannot be opened.
    """
    from exporter.cli import replay as replay_command

    results = replay_command.replay(file, max_power_watts)
    click.echo(replay_command.as_json(results) if json else replay_command.as_text(results))
