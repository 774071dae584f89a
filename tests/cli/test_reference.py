"""The references are generated from the program, and every option has a help text and a variable."""

from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner

from exporter.cli.main import main
from exporter.cli.reference import metrics_reference
from tests.cli.reference import command_line_reference


def test_the_metric_reference_is_printed() -> None:
    result = CliRunner().invoke(main, ["metrics"])
    assert (result.exit_code, result.stdout) == (0, metrics_reference())


def test_help_names_every_command() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert [name for name in main.commands if f"\n  {name} " not in result.stdout] == []


@pytest.mark.parametrize("command", main.commands)
def test_every_command_and_every_option_has_a_help_text(command: str) -> None:
    assert CliRunner().invoke(main, [command, "--help"]).exit_code == 0
    assert main.commands[command].help
    options = [option for option in main.commands[command].params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


# Commands whose variables could be confused with VECHARGE_URL and VECHARGE_CHARGERS, the service and its chargers.
OWN_PREFIXES = {"healthcheck": "VECHARGE_HEALTHCHECK"}
# Options that select the output of one call have no variable.
SELECTS = {"sessions": {"--charger", "--since", "--until", "--format"}}


@pytest.mark.parametrize("command", main.commands)
def test_every_option_with_a_value_is_an_environment_variable(command: str) -> None:
    of_run = {option.opts[0] for option in main.commands["run"].params}
    for option in main.commands[command].params:
        if option.opts[0] in SELECTS.get(command, ()):
            assert option.envvar is None
        elif isinstance(option, click.Option) and not option.is_flag:
            words = option.opts[0].removeprefix("--").replace(".", "_").replace("-", "_")
            simulated = command in ("demo", "simulate") and option.opts[0] not in of_run
            prefix = "VECHARGE_SIMULATOR" if simulated else OWN_PREFIXES.get(command, "VECHARGE_EXPORTER")
            assert option.envvar == f"{prefix}_{words.upper()}"


def test_the_reference_names_every_option() -> None:
    reference = command_line_reference(main)
    for name, command in main.commands.items():
        _, _, section = reference.partition(f"\n## vecharge-exporter {name}")
        section = section.partition("\n## ")[0]
        for option in command.params:
            if isinstance(option, click.Option):
                assert f"| `{option.opts[0]}` |" in section


def test_the_reference_in_the_documentation_is_up_to_date(golden: Callable[[str, str], None]) -> None:
    golden("../../docs/command-line.md", command_line_reference(main))
