"""The reference of the command line, docs/command-line.md, from the commands of the program."""

import inspect
from collections.abc import Iterator

import click

from exporter.cli.reference import markdown_table, one_of

_INTRODUCTION = """\
# Command line

Options can also be set by the environment variable that is named with them; the command line overrides it. A token is
never read from the command line, which every user of the machine can see: see [configuration.md](configuration.md).
"""


def command_line_reference(program: click.Group) -> str:
    """Every command of `program` with its options."""
    return "\n".join([_INTRODUCTION, *_commands("vecharge-exporter", program)])


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
        parts.append(markdown_table(("Option", "Environment variable", "Default", "Meaning"), rows))
    return "\n".join(parts)


def _paragraphs(help_text: str) -> str:
    """A help text as Markdown. Paragraphs that click must not wrap, marked by a backspace, are code blocks."""
    paragraphs = inspect.cleandoc(help_text).split("\n\n")
    return "\n\n".join(
        f"```text\n{text.removeprefix(chr(8)).strip()}\n```" if text.startswith("\b") else text for text in paragraphs
    )


def _default(option: click.Option) -> str:
    default = option.to_info_dict()["default"]
    if default is None or option.is_flag:
        return "required" if option.required else ""
    return one_of(default if option.multiple else [default])


def _allowed(kind: object) -> str:
    match kind:
        case click.Choice(choices=choices):
            return f"One of {one_of(map(str, choices))}."
        case click.IntRange(min=least, max=most) | click.FloatRange(min=least, max=most):
            limits = (f"{word} {limit:,}" for word, limit in (("from", least), ("to", most)) if limit is not None)
            return f"{' '.join(limits)}.".capitalize()
    return ""
