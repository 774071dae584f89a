"""`check`: 0 all of it works, 1 a token cannot be read, 2 the configuration is not valid."""

import base64
from pathlib import Path

import pytest

from tests.cli.program import ENVIRONMENT, TOKEN, VALID, Program


def test_a_valid_file(program: Program, tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text(VALID)
    result = program("check", "--config.file=c.yml")
    assert (result.exit_code, result.stdout) == (0, "c.yml: valid, 1 account(s), 2 charger(s)\n")


def test_a_valid_environment(program: Program) -> None:
    result = program("check", **ENVIRONMENT)
    assert (result.exit_code, result.stdout) == (0, "environment: valid, 1 account(s), 2 charger(s)\n")


@pytest.mark.parametrize("text", ["", "accounts: []", "accounts: [", VALID + "x: 1\n"])
def test_an_invalid_file(program: Program, tmp_path: Path, text: str) -> None:
    (tmp_path / "c.yml").write_text(text)
    result = program("check", "--config.file=c.yml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("vecharge-exporter: c.yml: ")
    assert result.stderr.count("\n") == 1


def test_each_unreadable_token_is_reported_with_its_account(program: Program, tmp_path: Path) -> None:
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
        "create it, or correct the path",
        "pune: the token file empty is empty: put the token of the veCharge account there",
        "goa: the environment variable UNSET_TOKEN is not set: set it to the token of the veCharge account",
    ]


def test_an_expired_token_is_reported(program: Program, tmp_path: Path) -> None:
    claims = base64.urlsafe_b64encode(b'{"exp": 1700000000}').decode().rstrip("=")
    (tmp_path / "token").write_text(f"e30.{claims}.{TOKEN}")
    (tmp_path / "c.yml").write_text("accounts: [{name: delhi, token_file: token, chargers: [a]}]")
    result = program("check", "--config.file=c.yml")
    assert result.exit_code == 1
    line = result.stdout.splitlines()[1]
    assert line.startswith("delhi: token file token: the token has expired, 2023-11-14 (")
    assert line.endswith(" days ago): replace it")


def test_every_fault_of_a_file_is_reported(program: Program, tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text("accounts: [{nam: delhi, token: a, chargers: [a]}]")
    (tmp_path / "web.yml").write_text("basic_auth_user: {}\ntls: {}\n")
    result = program("check", "--config.file=c.yml", "--web.config.file=web.yml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.split(" ")[1] for line in result.stderr.splitlines()] == ["c.yml:"] * 2


def test_every_fault_of_the_web_configuration_is_reported_if_the_configuration_is_valid(
    program: Program, tmp_path: Path
) -> None:
    (tmp_path / "c.yml").write_text("accounts: [{name: delhi, token: a, chargers: [a]}]")
    (tmp_path / "web.yml").write_text("basic_auth_user: {}\ntls: {}\n")
    result = program("check", "--config.file=c.yml", "--web.config.file=web.yml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.split(" ")[1] for line in result.stderr.splitlines()] == ["web.yml:"] * 2


def test_a_pattern_without_a_file_is_a_warning(program: Program, tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text("accounts: [{name: a, token: b, chargers: [c], charger_files: ['none/*.yml']}]")
    result = program("check", "--config.file=c.yml")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1:] == ["c.yml: charger_files: none/*.yml matches no file"]


@pytest.mark.parametrize(("text", "status"), [("basic_auth_users: {}\n", 0), ("basic_auth_users: {a: b}\n", 2)])
def test_a_web_configuration_is_checked_too(program: Program, tmp_path: Path, text: str, status: int) -> None:
    (tmp_path / "c.yml").write_text(VALID)
    (tmp_path / "web.yml").write_text(text)
    for given in (["--web.config.file=web.yml"], []):
        variable = {} if given else {"VECHARGE_EXPORTER_WEB_CONFIG_FILE": "web.yml"}
        result = program("check", "--config.file=c.yml", *given, **variable)
        assert result.exit_code == status
        assert "web.yml: " in (result.stderr if status else result.stdout)


def test_no_token_is_shown(program: Program, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN} {TOKEN}")
    (tmp_path / "c.yml").write_text("accounts: [{name: delhi, token_file: token, chargers: [a]}]")
    result = program("check", "--config.file=c.yml")
    assert (result.exit_code, TOKEN in result.output) == (1, False)
    assert "delhi: the token file token contains 2 words" in result.output
