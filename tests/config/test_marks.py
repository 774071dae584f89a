"""The marks of files are taken before the files are read, so that no change is missed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.config import files
from exporter.config.load import Config, load

AUTHORITY = Path(__file__).parent / "testdata" / "ca.pem"
CONFIG = """
accounts:
  - {name: x, token_file: token, ca_file: ca.pem, chargers: [a], charger_files: ['chargers/*.json', 'more/*.yml']}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A valid configuration in the working folder."""
    monkeypatch.chdir(tmp_path)
    Path("config.yml").write_text(CONFIG)
    Path("token").write_text("a-token")
    shutil.copy(AUTHORITY, "ca.pem")
    Path("chargers").mkdir()
    Path("chargers/x.json").write_text('["b"]')
    return load(Path("config.yml"))


def write() -> None:
    Path("chargers/x.json").write_text('["bcd"]')


def replace() -> None:
    Path("new").write_text('["c"]')
    Path("new").rename("chargers/x.json")


def add() -> None:
    Path("more").mkdir()
    Path("more/y.yml").write_text("[c]")


def remove() -> None:
    Path("chargers/x.json").unlink()


def repair_permissions() -> None:
    Path("chargers/x.json").chmod(0o600)


def hide() -> None:
    Path("chargers").rename("elsewhere")


def trust_another() -> None:
    Path("ca.pem").write_bytes(AUTHORITY.read_bytes() * 2)


def test_without_a_change_the_marks_stay_the_same(config: Config) -> None:
    assert config.current_marks() == config.marks
    assert {str(file) for file in config.marks} == {"ca.pem", "chargers/x.json", "token"}


def renew_token() -> None:
    Path("token").write_text("another-token")


@pytest.mark.parametrize("change", [renew_token, write, replace, add, remove, repair_permissions, hide, trust_another])
def test_every_change_changes_the_marks(config: Config, change: Callable[[], None]) -> None:
    change()
    assert config.current_marks() != config.marks


@pytest.mark.parametrize("name", ["chargers/x.json", "ca.pem"])
def test_a_change_during_the_reading_is_not_missed(config: Config, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def read_just_before_a_change(file: Path) -> bytes:
        content = read(file)
        if file == Path(name):
            file.write_bytes(content + b"\n")
        return content

    read = files.read
    monkeypatch.setattr(files, "read", read_just_before_a_change)
    config = load(Path("config.yml"))
    assert config.current_marks() != config.marks


def test_changed_authorities_change_the_account(config: Config) -> None:
    trust_another()
    assert load(Path("config.yml")).accounts != config.accounts


def test_rewritten_authorities_with_the_same_content_do_not_change_the_account(config: Config) -> None:
    Path("ca.pem").unlink()
    shutil.copy(AUTHORITY, "ca.pem")
    assert load(Path("config.yml")).accounts == config.accounts
