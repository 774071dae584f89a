"""The commands: what they run, what they print, and their exit status."""

import base64
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from exporter import __version__, app
from exporter.app import Options
from exporter.cli import demo
from exporter.cli.main import main
from exporter.config.sharding import Shard
from exporter.errors import StateError
from exporter.simulator import SimulatorOptions
from exporter.simulator.control import ACTIONS, application
from exporter.simulator.faults import CORRUPT
from exporter.simulator.service import Service
from exporter.web.listening import ListenAddress
from exporter.web.server import WebOptions

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


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Program:
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


class TestRun:
    """`run`, and the same without a subcommand."""

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
    def test_no_subcommand_means_run(self, program: Program, arguments: tuple[str, ...]) -> None:
        assert program(*arguments, **ENVIRONMENT).exit_code == 0
        assert [name for name, _ in program.ran] == ["run"]

    def test_the_defaults(self, program: Program) -> None:
        program(**ENVIRONMENT)
        options = program.options()
        assert options.web == WebOptions((ListenAddress(None, 10037),), "/metrics")
        assert options.storage_path == Path("data")
        assert options.sessions_retention_days == 400

    @pytest.mark.parametrize(("text", "days"), [("0", 0), ("30d", 30), ("2w", 14), ("1y", 365)])
    def test_the_retention_of_sessions_is_a_duration_in_whole_days(
        self, program: Program, text: str, days: int
    ) -> None:
        program(f"--storage.sessions-retention={text}", **ENVIRONMENT)
        assert program.options().sessions_retention_days == days

    @pytest.mark.parametrize("text", ["12h", "400", "", "-1d"])
    def test_other_retentions_are_rejected(self, program: Program, text: str) -> None:
        result = program(f"--storage.sessions-retention={text}", **ENVIRONMENT)
        assert result.exit_code == 2
        assert "--storage.sessions-retention" in result.output

    def test_its_flags(self, program: Program, tmp_path: Path) -> None:
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
        assert program.options() == self.AS_FLAGGED

    def test_every_flag_is_an_environment_variable_too(self, program: Program, tmp_path: Path) -> None:
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
        assert program.options() == self.AS_FLAGGED

    def test_the_command_line_overrides_the_environment(self, program: Program) -> None:
        program("--web.telemetry-path=/flag", VECHARGE_EXPORTER_WEB_TELEMETRY_PATH="/variable", **ENVIRONMENT)
        assert program.options().web.telemetry_path == "/flag"

    def test_an_empty_variable_counts_as_not_set(self, program: Program) -> None:
        assert program(VECHARGE_EXPORTER_CONFIG_FILE="", **ENVIRONMENT).exit_code == 0

    def test_without_a_configuration_the_error_says_what_to_do(self, program: Program) -> None:
        result = program()
        assert (result.exit_code, result.stdout) == (2, "")
        token, chargers = result.stderr.splitlines()
        assert token.endswith("VECHARGE_TOKEN is not set: set it to the token, or name a file with --config.file")
        assert chargers.endswith("is not set: set it to the charger ids, separated by commas or spaces")

    def test_an_invalid_configuration_exits_with_2_and_prints_each_fault(
        self, program: Program, tmp_path: Path
    ) -> None:
        (tmp_path / "c.yml").write_text(VALID.replace("name:", "nam:"))
        result = program("--config.file=c.yml")
        assert (result.exit_code, result.stdout, program.ran) == (2, "", [])
        assert [line.partition(" (")[0] for line in result.stderr.splitlines()] == [
            'vecharge-exporter: c.yml: accounts[0]: unknown key "nam"',
            'vecharge-exporter: c.yml: accounts[0]: the key "name" is missing',
        ]

    def test_an_invalid_web_configuration_is_reported_before_the_start(self, program: Program, tmp_path: Path) -> None:
        (tmp_path / "w.yml").write_text("basic_auth_user: {}")
        result = program("--web.config.file=w.yml", **ENVIRONMENT)
        assert (result.exit_code, program.ran) == (2, [])
        assert result.stderr.startswith("vecharge-exporter: w.yml: unknown key")

    def test_log_level_and_format_may_be_in_any_case(self, program: Program) -> None:
        assert program("--log.level=WARN", "--log.format=Json", **ENVIRONMENT).exit_code == 0
        assert program("run", VECHARGE_EXPORTER_LOG_LEVEL="Debug", **ENVIRONMENT).exit_code == 0

    def test_a_missing_configuration_file_is_reported(self, program: Program) -> None:
        result = program("--config.file=nowhere.yml")
        assert result.exit_code == 2
        assert "nowhere.yml" in result.stderr
        assert result.stderr.count("\n") == 1

    def test_any_other_failure_exits_with_1_and_one_line(
        self, program: Program, monkeypatch: pytest.MonkeyPatch
    ) -> None:
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
    def test_where_to_listen(self, program: Program, address: str, listen: ListenAddress) -> None:
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
    def test_an_invalid_flag_exits_with_2(self, program: Program, flag: str) -> None:
        result = program(flag, **ENVIRONMENT)
        assert (result.exit_code, program.ran) == (2, [])
        assert "Usage: " in result.stderr


class TestStoragePath:
    """`--storage.path`: a folder, created if it is missing."""

    @pytest.mark.parametrize("command", ["run", "state"])
    def test_an_empty_path_is_rejected(self, program: Program, command: str) -> None:
        result = program(command, "--storage.path=", **ENVIRONMENT)
        assert (result.exit_code, program.ran) == (2, [])
        assert "--storage.path" in result.stderr
        assert "): must name a folder, and is empty: is a variable not set?\n" in result.stderr

    def test_an_empty_variable_counts_as_not_set(self, program: Program) -> None:
        assert program(VECHARGE_EXPORTER_STORAGE_PATH="", **ENVIRONMENT).exit_code == 0
        assert program.options().storage_path == Path("data")

    @pytest.mark.parametrize("command", ["run", "state"])
    @pytest.mark.parametrize("path", ["file", "file/data"])
    def test_a_file_instead_of_the_folder_is_rejected(
        self, program: Program, tmp_path: Path, command: str, path: str
    ) -> None:
        (tmp_path / "file").touch()
        result = program(command, f"--storage.path={path}", **ENVIRONMENT)
        assert (result.exit_code, program.ran) == (2, [])
        assert "--storage.path" in result.stderr
        assert '): "file" is a file: name a folder, which is created if it is missing\n' in result.stderr


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
            "heavy = {'aiohttp', 'socketio', 'engineio', 'requests', 'jinja2', 'prometheus_client', 'structlog'}; "
            "print(*heavy & set(sys.modules))"
        )
        printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
        assert printed.stdout == "\n"


class TestCheck:
    """`check`: 0 all of it works, 1 a token cannot be read, 2 the configuration is not valid."""

    def test_a_valid_file(self, program: Program, tmp_path: Path) -> None:
        (tmp_path / "c.yml").write_text(VALID)
        result = program("check", "--config.file=c.yml")
        assert (result.exit_code, result.stdout) == (0, "c.yml: valid, 1 account(s), 2 charger(s)\n")

    def test_a_valid_environment(self, program: Program) -> None:
        result = program("check", **ENVIRONMENT)
        assert (result.exit_code, result.stdout) == (0, "environment: valid, 1 account(s), 2 charger(s)\n")

    @pytest.mark.parametrize("text", ["", "accounts: []", "accounts: [", VALID + "x: 1\n"])
    def test_an_invalid_file(self, program: Program, tmp_path: Path, text: str) -> None:
        (tmp_path / "c.yml").write_text(text)
        result = program("check", "--config.file=c.yml")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("vecharge-exporter: c.yml: ")
        assert result.stderr.count("\n") == 1

    def test_each_unreadable_token_is_reported_with_its_account(self, program: Program, tmp_path: Path) -> None:
        (tmp_path / "good").write_text(TOKEN)
        (tmp_path / "empty").write_text("\n")
        (tmp_path / "c.yml").write_text(
            "accounts:\n"
            "  - {name: delhi, token_file: missing, chargers: [a]}\n"
            "  - {name: agra, token_file: good, chargers: [b]}\n"
            "  - {name: pune, token_file: empty, chargers: [c]}\n"
            "  - {name: goa, token_env: UNSET_TOKEN, chargers: [d]}\n"
        )
        result = program("check", "--config.file=c.yml")
        assert (result.exit_code, result.stderr) == (1, "")
        assert result.stdout.splitlines() == [
            "c.yml: valid, 4 account(s), 4 charger(s)",
            "delhi: the token file missing cannot be read (FileNotFoundError: No such file or directory): "
            "put it there, for the exporter to read",
            "pune: the token file empty is empty: put the token of the veCharge account there",
            "goa: the environment variable UNSET_TOKEN is not set: set it to the token of the veCharge account",
        ]

    def test_an_expired_token_is_reported(self, program: Program, tmp_path: Path) -> None:
        claims = base64.urlsafe_b64encode(b'{"exp": 1700000000}').decode().rstrip("=")
        (tmp_path / "token").write_text(f"e30.{claims}.{TOKEN}")
        (tmp_path / "c.yml").write_text("accounts: [{name: delhi, token_file: token, chargers: [a]}]")
        result = program("check", "--config.file=c.yml")
        assert result.exit_code == 1
        line = result.stdout.splitlines()[1]
        assert line.startswith("delhi: the token file token holds an expired token, 2023-11-14 (")
        assert line.endswith(" days ago): replace it")

    def test_each_fault_of_both_files_is_reported(self, program: Program, tmp_path: Path) -> None:
        (tmp_path / "c.yml").write_text("accounts: [{nam: delhi, token: a, chargers: [a, a]}]")
        (tmp_path / "web.yml").write_text("basic_auth_user: {}\ntls: {}\n")
        result = program("check", "--config.file=c.yml", "--web.config.file=web.yml")
        assert (result.exit_code, result.stdout) == (2, "")
        assert [line.split(" ")[1] for line in result.stderr.splitlines()] == ["c.yml:"] * 3 + ["web.yml:"] * 2

    def test_a_pattern_without_a_file_is_a_warning(self, program: Program, tmp_path: Path) -> None:
        (tmp_path / "c.yml").write_text("accounts: [{name: a, token: b, chargers: [c], charger_files: ['none/*.yml']}]")
        result = program("check", "--config.file=c.yml")
        assert result.exit_code == 0
        assert result.stdout.splitlines()[1:] == ["c.yml: charger_files: none/*.yml matches no file"]

    @pytest.mark.parametrize(("text", "status"), [("basic_auth_users: {}\n", 0), ("basic_auth_users: {a: b}\n", 2)])
    def test_a_web_configuration_is_checked_too(self, program: Program, tmp_path: Path, text: str, status: int) -> None:
        (tmp_path / "c.yml").write_text(VALID)
        (tmp_path / "web.yml").write_text(text)
        for given in (["--web.config.file=web.yml"], []):
            variable = {} if given else {"VECHARGE_EXPORTER_WEB_CONFIG_FILE": "web.yml"}
            result = program("check", "--config.file=c.yml", *given, **variable)
            assert result.exit_code == status
            assert "web.yml: " in (result.stderr if status else result.stdout)

    def test_no_token_is_shown(self, program: Program, tmp_path: Path) -> None:
        (tmp_path / "token").write_text(f"{TOKEN} {TOKEN}")
        (tmp_path / "c.yml").write_text("accounts: [{name: delhi, token_file: token, chargers: [a]}]")
        result = program("check", "--config.file=c.yml")
        assert (result.exit_code, TOKEN in result.output) == (1, False)
        assert "delhi: the token file token holds 2 words" in result.output


class TestDemoAndSimulate:
    """The simulator, with and without the exporter."""

    def test_a_demo_needs_no_options(self, program: Program) -> None:
        assert program("demo").exit_code == 0
        ((name, arguments),) = program.ran
        assert (name, arguments[:2]) == ("demo", (12, 1.0))

    def test_a_demo_with_options(self, program: Program) -> None:
        program("demo", "--chargers=3", "--speed=60", "--web.listen-address=:0")
        ((_, arguments),) = program.ran
        assert arguments[:2] == (3, 60.0)
        assert program.options().web.listen == (ListenAddress(None, 0),)

    def test_a_simulator_needs_no_options(self, program: Program) -> None:
        assert program("simulate").exit_code == 0
        ((name, (options, _say)),) = program.ran
        assert (name, options) == ("simulate", SimulatorOptions(port=10038))

    def test_a_simulator_with_options(self, program: Program) -> None:
        flags = ("--listen-address=[::1]:1", "--chargers=3", "--speed=60", "--log-interval=5", "--seed=7")
        program("simulate", *flags, VECHARGE_SIMULATOR_FAULTS="0.5")
        ((_, (options, _say)),) = program.ran
        assert options == SimulatorOptions(
            host="::1", port=1, chargers=3, speed=60.0, log_interval=5.0, seed=7, faults=0.5
        )

    def test_a_simulator_is_served_over_tls_with_a_certificate(self, program: Program) -> None:
        program("simulate", "--tls-cert=cert.pem", "--tls-key=key.pem", "--payloads=mixed")
        ((_, (options, _say)),) = program.ran
        assert (options.tls_cert, options.tls_key, options.payloads) == (Path("cert.pem"), Path("key.pem"), "mixed")

    def test_a_key_without_its_certificate_is_rejected(self, program: Program) -> None:
        assert program("simulate", "--tls-key=key.pem").exit_code == 2
        assert program.ran == []

    def test_the_help_of_the_simulator_names_every_request(self, program: Program) -> None:
        printed = program("simulate", "--help").output
        paths = [resource.canonical for resource in application(Service(SimulatorOptions()), print).router.resources()]
        fixed = [path for path in paths if "{" not in path and path != "/socket.io/"]
        assert fixed
        assert [path for path in fixed if path not in printed] == []
        for action in (*ACTIONS, "drop"):
            assert f"/simulator/chargers/CHARGER/{action} " in printed
        for action in ("revoke", "restore", "rotate"):
            assert f"/simulator/token/{action} " in printed
        assert [kind for kind in CORRUPT if kind not in printed] == []

    @pytest.mark.parametrize("flag", ["--chargers=0", "--chargers=x", "--speed=0", "--speed=-1"])
    @pytest.mark.parametrize("command", ["demo", "simulate"])
    def test_options_out_of_range_are_rejected(self, program: Program, command: str, flag: str) -> None:
        assert program(command, flag).exit_code == 2
        assert program.ran == []
