"""The flags of the commands, and the validation of their values."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from exporter.web.listening import ListenAddress

DEFAULT_LISTEN_ADDRESS: Final = ":10037"
# Prefixes of the options' environment variables. VECHARGE_URL and VECHARGE_CHARGERS are not options: they are the
# service and the charger ids of a configuration without a file.
EXPORTER: Final = "VECHARGE_EXPORTER"
HEALTHCHECK: Final = "VECHARGE_HEALTHCHECK"
FILE: Final = click.Path(path_type=Path)

Function = TypeVar("Function", bound=Callable[..., Any])


class _Size(click.ParamType):  # type: ignore[type-arg]
    """A number of bytes, as Prometheus writes it: 512KB, 100MB, 2GB."""

    name = "size"
    UNITS: Final = {"KB": 1024, "MB": 1024**2, "GB": 1024**3}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        number, unit = value[:-2], value[-2:].upper()
        if not number.isdecimal() or unit not in self.UNITS or not int(number):
            self.fail(f'"{value}" must be a size such as 512KB, 100MB or 2GB', param, ctx)
        return int(number) * self.UNITS[unit]


def flag(name: str, prefix: str = EXPORTER, **attributes: Any) -> Callable[[Function], Function]:
    """Return an option that is an environment variable too: VECHARGE_EXPORTER_WEB_LISTEN_ADDRESS, for example."""
    words = name.removeprefix("--").replace(".", "_").replace("-", "_")
    attributes = {"show_default": True, "show_envvar": True} | attributes
    return click.option(name, words, envvar=f"{prefix}_{words.upper()}", **attributes)


def simulator_flag(name: str, **attributes: Any) -> Callable[[Function], Function]:
    """Return an option of the simulator.

    VECHARGE_SIMULATOR_CHARGERS is a number; VECHARGE_CHARGERS are the ids that the exporter watches.
    """
    return flag(name, prefix="VECHARGE_SIMULATOR", **attributes)


def log_flags(function: Function) -> Function:
    """--log.level and --log.format."""
    levels = click.Choice(["debug", "info", "warn", "error"], case_sensitive=False)
    formats = click.Choice(["logfmt", "json"], case_sensitive=False)
    level = flag("--log.level", type=levels, default="info", help="Lowest level to log.")
    log_format = flag("--log.format", type=formats, default="logfmt", help="Format of log lines.")
    return level(log_format(function))


config_file = flag(
    "--config.file",
    type=FILE,
    help="Configuration file; without one: VECHARGE_TOKEN, VECHARGE_CHARGERS and VECHARGE_URL.",
)
listen_addresses = flag(
    "--web.listen-address",
    default=[DEFAULT_LISTEN_ADDRESS],
    multiple=True,
    help="Where to listen: HOST:PORT, [HOST]:PORT or :PORT. Can be repeated (in the variable: separated by spaces).",
)
web_config_file = flag(
    "--web.config.file",
    type=FILE,
    help="Web configuration file with TLS, passwords and headers, as for all Prometheus exporters.",
)
enable_lifecycle = flag("--web.enable-lifecycle", is_flag=True, help="Enable POST /-/reload.")
shard = flag("--shard", type=int, default=0, help="The number of this shard, from 0.")
total_shards = flag(
    "--total-shards", type=click.IntRange(min=1), default=1, help="How many exporters divide the chargers."
)
storage_path = flag(
    "--storage.path",
    # Commands that need the folder report why they cannot use it.
    type=click.Path(path_type=Path, file_okay=False, readable=False),
    default="data",
    help="Folder of the state file, which has the energy totals; created if it is missing.",
)
record_file = flag(
    "--record.file",
    type=FILE,
    help="Record what the chargers send, without personal data, for replay. Off if not set.",
)
record_max_size = flag(
    "--record.max-size",
    type=_Size(),
    default="100MB",
    help="Size at which a new recording begins; the last four are kept as FILE.1 to FILE.4.",
)
sessions_retention = flag(
    "--storage.sessions-retention", default="400d", help="How long sessions are kept, such as 400d; 0 keeps all."
)
telemetry_path = flag("--web.telemetry-path", default="/metrics", help="Where the metrics are.")
grafana_url = flag(
    "--web.grafana-url", help="Where Grafana is, such as https://grafana.example: the landing page links to it."
)


def listen_address(text: str, name: str = "--web.listen-address") -> "ListenAddress":
    """Parse an address to listen on; raise BadParameter."""
    from exporter.web.listening import ListenAddress

    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(
            f'"{text}" must be HOST:PORT, [HOST]:PORT or :PORT, a port up to 65535', param_hint=name
        )
    return ListenAddress(host or None, int(port))


def retention_days(text: str) -> int:
    """Parse the days for which sessions are kept, 0 for no limit; raise BadParameter."""
    from exporter.config import duration

    try:
        days = duration.parse(text) / 86_400
    except ValueError as error:
        raise click.BadParameter(f'"{text}" {error}', param_hint="--storage.sessions-retention") from error
    if days != int(days):
        raise click.BadParameter(f'"{text}" must be whole days', param_hint="--storage.sessions-retention")
    return int(days)


def time(text: str | None, name: str, default: float) -> float:
    """Parse a time, or a duration before now, into unix seconds; raise BadParameter."""
    from exporter.charger.clock import now
    from exporter.state.session_query import time_of

    try:
        return default if text is None else time_of(text, now().unix)
    except ValueError as error:
        raise click.BadParameter(f'"{text}" {error}', param_hint=name) from error


def page_path(text: str) -> str:
    """Check the path of the metrics page; raise BadParameter."""
    if not re.fullmatch(r"/[A-Za-z0-9/._~-]*", text) or text.startswith(("/-/", "/api/", "/static/")):
        raise click.BadParameter(
            f'"{text}" must begin with "/", but not with "/-/", "/api/" or "/static/", '
            'and have only letters, digits and "/._~-"',
            param_hint="--web.telemetry-path",
        )
    return text


def web_address(text: str | None, name: str) -> str | None:
    """Check an HTTP URL and remove a slash at its end; None stays None. Raise BadParameter."""
    if text and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", text):
        raise click.BadParameter(f'"{text}" must be a URL such as https://grafana.example', param_hint=name)
    return text.rstrip("/") if text else None
