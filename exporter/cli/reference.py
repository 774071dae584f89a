"""The references of the documentation, as Markdown, from the tables that the program itself runs on."""

import inspect
from collections.abc import Iterable, Iterator, Sequence
from types import NoneType
from typing import get_args, get_origin, get_type_hints

import click
import msgspec

from exporter.config import duration
from exporter.config import schema as settings
from exporter.metrics.metric import Metric, Subject
from exporter.metrics.table import ACCOUNT_METRICS, CHARGER_METRICS, EXPORTER_METRICS

_METRICS_INTRODUCTION = """\
# Metrics

Printed by `vecharge-exporter metrics`.

All units are base units: volts, amperes, watts, joules (1 kWh is 3,600,000 J), seconds, degrees. An unknown value is
absent, not `NaN` or 0. A charger that was removed from the configuration has no series.
"""

_CHARGERS = """\
## One charger

Each metric has the label `charger_id`, as in the configuration. In OpenMetrics the two counters that survive a
restart, energy and sessions, have `_created`: when the exporter first saw the charger.
"""

_ACCOUNTS = """\
## One account

Each metric has the label `account`. Every value of the other labels is present from the start, with 0.
"""

_EXPORTER = """\
## The exporter

In addition there are `process_*` and `python_*`, as in every Prometheus client for Python.
"""

_CONFIGURATION_INTRODUCTION = """\
# Configuration

Three environment variables are enough for one account: `VECHARGE_TOKEN`, `VECHARGE_CHARGERS="a, b"` (commas or
spaces between) and, for another service, `VECHARGE_URL`. Everything else needs a YAML file, named with `--config.file`:

```yaml
global:
  stale_after: 15m
accounts:
  - name: delhi
    token_file: delhi.token
    chargers:
      - test
      - id: veChargePoint0125896
        name: Rohini Sector 22
    charger_files: [chargers/*.yml, chargers/*.json]
```

`vecharge-exporter check --config.file FILE` names every fault of a file, in one line each with its place, and every
token that cannot be read or has expired; with `--online` it also connects every charger once over each transport.

- Only `name`, one of `token`, `token_file` and `token_env`, and a charger are required.
- An unknown key is an error, and so is a duplicate key in a mapping.
- A charger id is unique in the whole file, all accounts and charger files counted.
- Paths and patterns are relative to the configuration file.
- Durations are written as in Prometheus: `500ms`, `30s`, `5m`, `1h30m`.
- The contents of `token_file` are read again for every attempt to connect: a new token needs no reload.
- The exporter looks at what matches `charger_files`, and at `ca_file`, every 5 s. When two looks in a row find the same
  change, it reads the whole configuration again. For other changes send SIGHUP or, with `--web.enable-lifecycle`,
  `POST /-/reload`. Only the chargers of an account that has changed connect again.
- A configuration that cannot be read or is not valid changes nothing. The log says why,
  `vecharge_exporter_config_last_reload_successful` is 0, and the reload is retried every 5 s.
- A pattern of `charger_files` that matched a file and now matches none looks just like a volume that is not mounted, so
  that changes nothing either. To remove its chargers, leave a file that holds an empty list, `[]`, or remove the
  pattern.
- A pipe, a device or a socket in place of a file is refused.
- YAML does not read `0125`, `2024-01-31`, `on` and `no` as text: a charger id of that form needs quotes.
"""

_SECTION_TITLES = {
    "": "The file",
    "global": "`global`",
    "accounts[]": "An entry of `accounts`",
    "accounts[].chargers[]": "An entry of `chargers` or of a charger file",
}
_VALUE_KINDS: dict[object, str] = {
    bool: "`true` or `false`",
    settings.Duration: "duration",
    settings.StaleAfter: "duration or `auto`",
    settings.Watts: "number",
    settings.Text: "string",
    settings.Secret: "string",
    settings.Variable: "string",
    settings.FilePath: "path",
    settings.Url: "URL",
}

_COMMAND_LINE_INTRODUCTION = """\
# Command line

Options can also be set by the environment variable that is named with them; the command line overrides it. A token is
never read from the command line, which every user of the machine can see: see [configuration.md](configuration.md).
"""


def metrics_reference() -> str:
    """Every metric of METRICS: name, labels, type, meaning and when it is absent."""
    parts = [
        _METRICS_INTRODUCTION,
        _CHARGERS,
        _metrics_table(CHARGER_METRICS),
        _ACCOUNTS,
        _metrics_table(ACCOUNT_METRICS),
        _EXPORTER,
        _metrics_table(EXPORTER_METRICS),
    ]
    return "\n".join(parts)


def configuration_reference() -> str:
    """Every field of the configuration file: what it holds, its default and meaning."""
    parts = [_CONFIGURATION_INTRODUCTION]
    for place, section in settings.SECTIONS.items():
        parts += [f"## {_SECTION_TITLES[place]}\n", f"{inspect.getdoc(section)}\n", _fields_table(section)]
    return "\n".join(parts)


def command_line_reference(program: click.Group) -> str:
    """Every command of `program`: what it does and its options."""
    return "\n".join([_COMMAND_LINE_INTRODUCTION, *_commands("vecharge-exporter", program)])


def _metrics_table(metrics: Iterable[Metric[Subject]]) -> str:
    rows = (
        (_with_labels(metric), metric.kind, " ".join((metric.help, *_label_values(metric))), metric.absent)
        for metric in metrics
    )
    return _table(("Metric", "Type", "Meaning", "Absent when"), rows)


def _with_labels(metric: Metric[Subject]) -> str:
    labels = f"{{{','.join(metric.labels)}}}" if metric.labels else ""
    return f"`{metric.name}{labels}`"


def _label_values(metric: Metric[Subject]) -> Iterator[str]:
    """The values of the labels whose values the table itself knows."""
    if metric.info is None:
        for place, label in enumerate(metric.labels):
            values = dict.fromkeys(series.label_values[place] for series in metric.series)
            yield f"`{label}` is one of {_one_of(values)}."


def _fields_table(section: type[msgspec.Struct]) -> str:
    hints = get_type_hints(section, include_extras=True)
    rows = []
    for field in msgspec.structs.fields(section):
        kind, meta = get_args(hints[field.name])
        rows.append((f"`{field.encode_name}`", _kind(kind), _field_default(field), meta.description))
    return _table(("Field", "Holds", "Default", "Meaning"), rows)


def _kind(kind: object) -> str:
    """What a field holds, in words, from its type."""
    alternatives = [one for one in get_args(kind) if one not in (NoneType, ...)]
    if get_origin(kind) in (list, tuple):
        return (
            "list"
            if len(alternatives) != 1 or alternatives[0] not in _VALUE_KINDS
            else f"list of {_kind(alternatives[0])}s"
        )
    if alternatives:
        return " or ".join(map(_kind, alternatives))
    return _VALUE_KINDS.get(kind, "mapping")


def _field_default(field: msgspec.structs.FieldInfo) -> str:
    match field.default:
        case None:
            return ""
        case bool(flag):
            return f"`{str(flag).lower()}`"
        case settings.AUTO:
            return "`auto`"
        case settings.Duration() as seconds:
            return f"`{duration.text(seconds)}`"
        case settings.Watts() as watts:
            return f"`{watts:.0f}`"
        case tuple(entries):
            return f"`[{', '.join(entries)}]`"
        case str(text):
            return f"`{text}`"
    return "required" if field.required else ""


def _commands(before: str, group: click.Group) -> Iterator[str]:
    for name, command in group.commands.items():
        arguments = [(one.name or "").upper() for one in command.params if isinstance(one, click.Argument)]
        yield _command(" ".join([before, name, *arguments]), command)
        if isinstance(command, click.Group):
            yield from _commands(f"{before} {name}", command)


def _command(title: str, command: click.Command) -> str:
    options = [option for option in command.params if isinstance(option, click.Option)]
    parts = [f"## {title}\n", f"{_paragraphs(command.help or '')}\n"]
    if options:
        rows = (
            (
                " ".join(f"`{name}`" for name in option.opts),
                f"`{option.envvar}`" if option.envvar else "",
                _default(option),
                " ".join(filter(None, (option.help, _allowed(option.type)))),
            )
            for option in options
        )
        parts.append(_table(("Option", "Environment variable", "Default", "Meaning"), rows))
    return "\n".join(parts)


def _paragraphs(help_text: str) -> str:
    """A help text as Markdown: what click must not wrap, behind a backspace, is a code block."""
    paragraphs = inspect.cleandoc(help_text).split("\n\n")
    return "\n\n".join(
        f"```text\n{text.removeprefix(chr(8)).strip()}\n```" if text.startswith("\b") else text for text in paragraphs
    )


def _default(option: click.Option) -> str:
    default = option.to_info_dict()["default"]
    if default is None or option.is_flag:
        return "required" if option.required else ""
    return _one_of(default if option.multiple else [default])


def _allowed(kind: object) -> str:
    match kind:
        case click.Choice(choices=choices):
            return f"One of {_one_of(map(str, choices))}."
        case click.IntRange(min=least, max=most) | click.FloatRange(min=least, max=most):
            limits = (f"{word} {limit:,}" for word, limit in (("from", least), ("to", most)) if limit is not None)
            return f"{' '.join(limits)}.".capitalize()
    return ""


def _one_of(values: Iterable[object]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    # A pipe would end its cell.
    lines = (" | ".join(cell.replace("|", r"\|") for cell in row) for row in (head, ["---"] * len(head), *rows))
    return "".join(f"| {line} |\n" for line in lines)
