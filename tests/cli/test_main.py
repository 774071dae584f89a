"""What all commands have in common: no secrets, help and version."""

import subprocess
import sys
from pathlib import Path

import pytest

from exporter import __version__
from exporter.cli.main import main
from tests.cli.program import ENVIRONMENT, TOKEN, VALID, Program


class TestSecrets:
    """Every user of the machine can read a command line: no token is read from it, and none is printed."""

    def test_tokens_and_passwords_are_not_flags(self) -> None:
        names = [name for command in main.commands.values() for option in command.params for name in option.opts]
        secrets = [name for name in names if "token" in name or "secret" in name or "password" in name]
        assert [name for name in secrets if not name.endswith("-file")] == []

    @pytest.mark.parametrize("command", [(), ("run",), ("check",), ("demo",), ("simulate",), ("healthcheck",)])
    def test_a_token_on_the_command_line_is_rejected_and_not_printed(
        self, program: Program, command: tuple[str, ...]
    ) -> None:
        result = program(*command, f"--token={TOKEN}", **ENVIRONMENT)
        assert (result.exit_code, program.ran) == (2, [])
        assert TOKEN not in result.output

    @pytest.mark.parametrize("command", ["run", "check"])
    def test_a_token_in_an_invalid_configuration_is_not_printed(
        self, program: Program, tmp_path: Path, command: str
    ) -> None:
        (tmp_path / "c.yml").write_text(VALID.replace("chargers", "charger"))
        result = program(command, "--config.file=c.yml")
        assert result.exit_code == 2
        assert TOKEN not in result.output


class TestHelp:
    """`-h` and `--help`, of the program and of each command."""

    @pytest.mark.parametrize("command", [(), ("run",), ("check",), ("state", "set")])
    def test_h_is_help(self, program: Program, command: tuple[str, ...]) -> None:
        short, long = program(*command, "-h"), program(*command, "--help")
        assert (short.exit_code, short.stdout) == (0, long.stdout)
        assert short.stdout.startswith("Usage: ")
        assert program.ran == []

    def test_the_help_of_the_program_names_the_default_command(self, program: Program) -> None:
        assert "Without a command it runs `run`" in program("--help").stdout

    def test_the_help_of_run_names_the_default_state_folder(self, program: Program) -> None:
        text = " ".join(program("run", "--help").stdout.split())
        assert "--storage.path DIRECTORY Folder of the state file" in text.replace("PATH", "DIRECTORY")
        assert "default: data" in text


class TestVersion:
    """`--version`, quickly."""

    @pytest.mark.parametrize("arguments", [("--version",), ("run", "--version")])
    def test_it_is_printed(self, program: Program, arguments: tuple[str, ...]) -> None:
        result = program(*arguments)
        assert (result.exit_code, result.stdout) == (0, f"vecharge-exporter, version {__version__}\n")

    def test_it_imports_no_heavy_library(self) -> None:
        code = (
            "import sys, exporter.cli.main; "
            "heavy = {'aiohttp', 'socketio', 'engineio', 'requests', 'prometheus_client', 'structlog'}; "
            "print(*heavy & set(sys.modules))"
        )
        printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
        assert printed.stdout == "\n"
