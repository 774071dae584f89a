"""The flags of the commands, and the validation of their values."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from exporter.config import duration
from exporter.web.listening import ListenAddress

DEFAULT_LISTEN_ADDRESS: Final = ":10037"
# Prefixes of the options' environment variables. VECHARGE_URL and VECHARGE_CHARGERS are not options: they are the
# service and the charger ids of a configuration without a file.
EXPORTER: Final = "VECHARGE_EXPORTER"
HEALTHCHECK: Final = "VECHARGE_HEALTHCHECK"
FILE: Final = click.Path(path_type=Path)

Function = TypeVar("Function", bound=Callable[..., Any])


class Parsed(click.ParamType):  # type: ignore[type-arg]
    """A value that `parse` reads; its ValueError says what the value must be."""

    name = "text"

    def __init__(self, parse: Callable[[str], Any]) -> None:
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(f'"{value}" {error}', param, ctx)


def _listen_address(text: str) -> ListenAddress:
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError("must be HOST:PORT, [HOST]:PORT or :PORT, a port up to 65535")
    return ListenAddress(host or None, int(port))


def _size(text: str) -> int:
    """Return the bytes of a size, as Prometheus writes it: 512KB, 100MB, 2GB."""
    units = {"KB": 1024, "MB": 1024**2, "GB": 1024**3}
    number, unit = text[:-2], text[-2:].upper()
    if not number.isdecimal() or unit not in units or not int(number):
        raise ValueError("must be a size such as 512KB, 100MB or 2GB")
    return int(number) * units[unit]


def _whole_days(text: str) -> int:
    days = duration.parse(text) / 86_400
    if days != int(days):
        raise ValueError("must be whole days")
    return int(days)


def _unix_time(text: str) -> float:
    from exporter.charger.clock import now
    from exporter.state.period import time_of

    return time_of(text, now().unix)


def _page_path(text: str) -> str:
    if not re.fullmatch(r"/[A-Za-z0-9/._~-]*", text) or text.startswith(("/-/", "/api/", "/static/")):
        raise ValueError(
            'must begin with "/", but not with "/-/", "/api/" or "/static/", and have only letters, digits and "/._~-"'
        )
    return text


def _web_address(text: str) -> str | None:
    """Return a URL without a slash at its end; None if it is empty, as a variable that is not set may be."""
    if text and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", text):
        raise ValueError("must be a URL such as https://grafana.example")
    return text.rstrip("/") or None


LISTEN_ADDRESS: Final = Parsed(_listen_address)
TIME: Final = Parsed(_unix_time)


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
    type=LISTEN_ADDRESS,
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
    help="Folder of the state file, which has the energy totals; `run` creates it if it is missing.",
)
record_file = flag(
    "--record.file",
    type=FILE,
    help="Record what the chargers send, without personal data, for replay. Off if not set.",
)
record_max_size = flag(
    "--record.max-size",
    type=Parsed(_size),
    default="100MB",
    help="Size at which a new recording begins; the last four are kept as FILE.1 to FILE.4.",
)
sessions_retention = flag(
    "--storage.sessions-retention",
    type=Parsed(_whole_days),
    default="400d",
    help="How long sessions are kept, such as 400d; 0 keeps all.",
)
telemetry_path = flag(
    "--web.telemetry-path", type=Parsed(_page_path), default="/metrics", help="Where the metrics are."
)
grafana_url = flag(
    "--web.grafana-url",
    type=Parsed(_web_address),
    help="Where Grafana is, such as https://grafana.example: the landing page links to it.",
)
