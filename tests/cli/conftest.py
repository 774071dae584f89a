"""The command line as a fixture."""

from collections.abc import Callable
from pathlib import Path

import pytest

from exporter import app
from exporter.cli import demo
from tests.cli.program import ENVIRONMENT, Program


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Program:
    """The command line in an empty folder, without the variables of the service."""
    program = Program()

    def instead_of(name: str) -> Callable[..., None]:
        return lambda *arguments: program.ran.append((name, arguments))

    for variable in ENVIRONMENT:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(app, "run_loop", lambda main, _log: main())
    monkeypatch.setattr(app, "run_exporter", instead_of("run"))
    monkeypatch.setattr(demo, "run_demo", instead_of("demo"))
    monkeypatch.setattr(demo, "run_simulator", instead_of("simulate"))
    return program
