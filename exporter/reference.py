"""The references of the documentation, as Markdown, from the tables that the program itself runs on."""

import inspect
from collections.abc import Iterable, Iterator, Sequence

import click

from exporter.metrics import ACCOUNT_METRICS, CHARGER_METRICS, EXPORTER_METRICS, Metric, Subject

_METRICS_INTRODUCTION = """\
# Metrics

Printed by `vecharge-exporter metrics`.

All units are base units: volts, amperes, watts, joules (1 kWh is 3,600,000 J), seconds, degrees. What is not known
is absent: there is no `NaN`, and no 0 that means "unknown". A charger that left the configuration has no series.
"""

_CHARGERS = """\
## One charger

Each has the label `charger_id`, as the configuration spells it. In OpenMetrics the two counters that outlive the
exporter, energy and sessions, carry `_created`: when the exporter first saw the charger.
"""

_ACCOUNTS = """\
## One account

Each has the label `account`. Every value of the other labels is there from the start, with 0.
"""

_EXPORTER = """\
## The exporter

Beside these, `process_*` and `python_*` are those of every Prometheus client for Python.
"""

_COMMAND_LINE_INTRODUCTION = """\
# Command line

Every option that names an environment variable can be set by it as well; the command line wins. A token is never
taken from the command line, where every user of the machine could read it: see
[configuration.md](configuration.md).
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


def command_line_reference(program: click.Group) -> str:
    """Every command of `program`: what it does and its options."""
    sections = (_command(f"vecharge-exporter {name}", command) for name, command in program.commands.items())
    return "\n".join([_COMMAND_LINE_INTRODUCTION, *sections])


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


def _command(title: str, command: click.Command) -> str:
    options = [option for option in command.params if isinstance(option, click.Option)]
    parts = [f"## {title}\n", f"{inspect.cleandoc(command.help or '')}\n"]
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


def _default(option: click.Option) -> str:
    default = option.to_info_dict()["default"]
    return "" if default is None or option.is_flag else f"`{default}`"


def _allowed(kind: object) -> str:
    match kind:
        case click.Choice(choices=choices):
            return f"One of {_one_of(map(str, choices))}."
        case click.IntRange(min=least, max=most) | click.FloatRange(min=least, max=most):
            return f"From {least:,} to {most:,}."
    return ""


def _one_of(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    # A pipe would end its cell.
    lines = (" | ".join(cell.replace("|", r"\|") for cell in row) for row in (head, ["---"] * len(head), *rows))
    return "".join(f"| {line} |\n" for line in lines)
