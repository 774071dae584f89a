"""The command line of the tests: commands that would run until they are stopped are only recorded."""

from typing import Any

from click.testing import CliRunner, Result

from exporter.app import Options
from exporter.cli.main import main

VALID = "accounts: [{name: delhi, token: marked-secret, chargers: [a, b]}]\n"
TOKEN = "marked-secret"
ENVIRONMENT = {"VECHARGE_TOKEN": TOKEN, "VECHARGE_CHARGERS": "a,b"}


class Program:
    """The command line. Commands that would run until stopped are recorded in `ran` instead."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, tuple[Any, ...]]] = []

    def __call__(self, *arguments: str, **environment: str) -> Result:
        result = CliRunner().invoke(main, arguments, env=environment)
        # Otherwise an exception reached the user.
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def options(self) -> Options:
        """The options of the one command that ran."""
        ((_, arguments),) = self.ran
        (options,) = (argument for argument in arguments if isinstance(argument, Options))
        return options
