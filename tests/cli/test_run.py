"""`run`, and the same without a subcommand: flags, variables and faults."""

from pathlib import Path

import pytest

from exporter import app
from exporter.app import Options
from exporter.config.sharding import Shard
from exporter.errors import StateError
from exporter.web.listening import ListenAddress
from exporter.web.server import WebOptions
from tests.cli.program import ENVIRONMENT, VALID, Program

AS_FLAGGED = Options(
    WebOptions(
        (ListenAddress("127.0.0.1", 9000), ListenAddress("::1", 9001)),
        "/m",
        Path("w.yml"),
        True,
        "https://g.example",
    ),
    Path("s"),
    Shard(1, 3),
    sessions_retention_days=30,
)


@pytest.mark.parametrize("arguments", [("run",), (), ("--log.level", "debug"), ("run", "--log.format=json")])
def test_no_subcommand_means_run(program: Program, arguments: tuple[str, ...]) -> None:
    assert program(*arguments, **ENVIRONMENT).exit_code == 0
    assert [name for name, _ in program.ran] == ["run"]


def test_the_defaults(program: Program) -> None:
    program(**ENVIRONMENT)
    options = program.options()
    assert options.web == WebOptions((ListenAddress(None, 10037),), "/metrics")
    assert options.storage_path == Path("data")
    assert options.sessions_retention_days == 400


@pytest.mark.parametrize(("text", "days"), [("0", 0), ("30d", 30), ("2w", 14), ("1y", 365)])
def test_the_retention_of_sessions_is_a_duration_in_whole_days(program: Program, text: str, days: int) -> None:
    program(f"--storage.sessions-retention={text}", **ENVIRONMENT)
    assert program.options().sessions_retention_days == days


@pytest.mark.parametrize("text", ["12h", "400", "", "-1d"])
def test_other_retentions_are_rejected(program: Program, text: str) -> None:
    result = program(f"--storage.sessions-retention={text}", **ENVIRONMENT)
    assert result.exit_code == 2
    assert "--storage.sessions-retention" in result.output


def test_its_flags(program: Program, tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text(VALID)
    (tmp_path / "w.yml").touch()
    flags = [
        *("--config.file=c.yml", "--storage.path=s", "--log.level=error", "--log.format=json"),
        *("--web.listen-address=127.0.0.1:9000", "--web.listen-address=[::1]:9001", "--web.telemetry-path=/m"),
        *("--web.config.file=w.yml", "--web.enable-lifecycle", "--shard=1", "--total-shards=3"),
        "--web.grafana-url=https://g.example/",
        "--storage.sessions-retention=30d",
    ]
    assert program(*flags).exit_code == 0
    assert program.options() == AS_FLAGGED


def test_every_flag_is_an_environment_variable_too(program: Program, tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text(VALID)
    (tmp_path / "w.yml").touch()
    result = program(
        VECHARGE_EXPORTER_CONFIG_FILE="c.yml",
        VECHARGE_EXPORTER_WEB_LISTEN_ADDRESS="127.0.0.1:9000 [::1]:9001",
        VECHARGE_EXPORTER_WEB_TELEMETRY_PATH="/m",
        VECHARGE_EXPORTER_WEB_CONFIG_FILE="w.yml",
        VECHARGE_EXPORTER_WEB_ENABLE_LIFECYCLE="true",
        VECHARGE_EXPORTER_WEB_GRAFANA_URL="https://g.example",
        VECHARGE_EXPORTER_SHARD="1",
        VECHARGE_EXPORTER_TOTAL_SHARDS="3",
        VECHARGE_EXPORTER_STORAGE_PATH="s",
        VECHARGE_EXPORTER_STORAGE_SESSIONS_RETENTION="30d",
        VECHARGE_EXPORTER_LOG_LEVEL="error",
        VECHARGE_EXPORTER_LOG_FORMAT="json",
    )
    assert result.exit_code == 0
    assert program.options() == AS_FLAGGED


def test_the_command_line_overrides_the_environment(program: Program) -> None:
    program("--web.telemetry-path=/flag", VECHARGE_EXPORTER_WEB_TELEMETRY_PATH="/variable", **ENVIRONMENT)
    assert program.options().web.telemetry_path == "/flag"


def test_an_empty_variable_counts_as_not_set(program: Program) -> None:
    assert program(VECHARGE_EXPORTER_CONFIG_FILE="", **ENVIRONMENT).exit_code == 0


def test_without_a_configuration_the_error_says_what_to_do(program: Program) -> None:
    result = program()
    assert (result.exit_code, result.stdout) == (2, "")
    token, chargers = result.stderr.splitlines()
    assert token.endswith("VECHARGE_TOKEN is not set: set it to the token, or name a file with --config.file")
    assert chargers.endswith("is not set: set it to the charger ids, separated by commas or spaces")


def test_an_invalid_configuration_exits_with_2_and_prints_each_fault(program: Program, tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text(VALID.replace("name:", "nam:"))
    result = program("--config.file=c.yml")
    assert (result.exit_code, result.stdout, program.ran) == (2, "", [])
    assert [line.partition(" (")[0] for line in result.stderr.splitlines()] == [
        'vecharge-exporter: c.yml: accounts[0]: unknown key "nam"',
        'vecharge-exporter: c.yml: accounts[0]: the key "name" is missing',
    ]


def test_an_invalid_web_configuration_is_reported_before_the_start(program: Program, tmp_path: Path) -> None:
    (tmp_path / "w.yml").write_text("basic_auth_user: {}")
    result = program("--web.config.file=w.yml", **ENVIRONMENT)
    assert (result.exit_code, program.ran) == (2, [])
    assert result.stderr.startswith("vecharge-exporter: w.yml: unknown key")


def test_log_level_and_format_may_be_in_any_case(program: Program) -> None:
    assert program("--log.level=WARN", "--log.format=Json", **ENVIRONMENT).exit_code == 0
    assert program("run", VECHARGE_EXPORTER_LOG_LEVEL="Debug", **ENVIRONMENT).exit_code == 0


def test_a_missing_configuration_file_is_reported(program: Program) -> None:
    result = program("--config.file=nowhere.yml")
    assert result.exit_code == 2
    assert "nowhere.yml" in result.stderr
    assert result.stderr.count("\n") == 1


def test_any_other_failure_exits_with_1_and_one_line(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StateError("the state file data/x is in use by another exporter")

    monkeypatch.setattr(app, "run_exporter", fail)
    result = program(**ENVIRONMENT)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "vecharge-exporter: the state file data/x is in use by another exporter\n"


@pytest.mark.parametrize(
    ("address", "listen"),
    [
        (":10037", ListenAddress(None, 10037)),
        ("localhost:0", ListenAddress("localhost", 0)),
        ("[::1]:65535", ListenAddress("::1", 65535)),
        ("0.0.0.0:80", ListenAddress("0.0.0.0", 80)),
    ],
)
def test_where_to_listen(program: Program, address: str, listen: ListenAddress) -> None:
    program(f"--web.listen-address={address}", **ENVIRONMENT)
    assert program.options().web.listen == (listen,)


@pytest.mark.parametrize(
    "flag",
    [
        "--web.listen-address=10037",
        "--web.listen-address=localhost",
        "--web.listen-address=:65536",
        "--web.listen-address=:-1",
        "--web.listen-address=:",
        "--web.telemetry-path=metrics",
        "--web.grafana-url=javascript:alert(1)",
        "--web.grafana-url=https://g.example?x=1",
        "--web.telemetry-path=/-/ready",
        "--web.telemetry-path=/{x}",
        "--log.level=loud",
        "--log.format=xml",
        "--no.such-flag=1",
    ],
)
def test_an_invalid_flag_exits_with_2(program: Program, flag: str) -> None:
    result = program(flag, **ENVIRONMENT)
    assert (result.exit_code, program.ran) == (2, [])
    assert "Usage: " in result.stderr


def test_an_empty_variable_for_the_storage_path_counts_as_not_set(program: Program) -> None:
    assert program(VECHARGE_EXPORTER_STORAGE_PATH="", **ENVIRONMENT).exit_code == 0
    assert program.options().storage_path == Path("data")


@pytest.mark.parametrize("command", ["run", "state"])
def test_a_file_instead_of_the_storage_folder_is_rejected(program: Program, tmp_path: Path, command: str) -> None:
    (tmp_path / "file").touch()
    result = program(command, "--storage.path=file", **ENVIRONMENT)
    assert (result.exit_code, program.ran) == (2, [])
    assert "--storage.path" in result.stderr
    assert "): Directory 'file' is a file.\n" in result.stderr
