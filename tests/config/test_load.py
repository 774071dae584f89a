"""Valid configuration files, and the messages for invalid ones."""

from hashlib import sha256
from pathlib import Path

import pytest

from exporter.config.files import FilePattern, mark_of
from exporter.config.load import AccountConfig, ChargerConfig, Config, load
from exporter.config.tokens import TokenSource
from exporter.errors import ConfigError

TESTDATA = Path(__file__).parent / "testdata"

# A line of refusals.txt: an invalid file, and the line that names its first fault.
REFUSALS = dict(line.split(" -> ", 1) for line in (TESTDATA / "refusals.txt").read_text().splitlines())


@pytest.fixture(autouse=True)
def _inside_testdata(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTDATA)


@pytest.mark.parametrize(("name", "line"), REFUSALS.items(), ids=REFUSALS)
def test_the_first_fault_is_one_line_that_names_file_place_and_problem(name: str, line: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(Path(name))
    assert refusal.value.problems[0] == line
    assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize("name", REFUSALS)
def test_neither_an_error_nor_its_traceback_shows_a_token(name: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(Path(name))
    assert "marked-secret" not in "".join(refusal.value.problems)
    assert refusal.value.__cause__ is None
    error = refusal.value
    assert error.__context__ is None or error.__suppress_context__, "what a parser says quotes the file"


@pytest.mark.parametrize("name", ["every-fault", "every-conflict"])
def test_all_invalid_values_of_a_file_are_reported_and_if_there_are_none_all_conflicts(name: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(Path(f"{name}.yml"))
    assert list(refusal.value.problems) == Path(f"{name}.txt").read_text().splitlines()


def test_an_error_of_several_faults_names_the_first_and_how_to_see_all() -> None:
    with pytest.raises(ConfigError) as refusal:
        load(Path("every-fault.yml"))
    assert str(refusal.value) == (
        "every-fault.yml: global.stale_after: must be longer than 0 (and 10 more: 'vecharge-exporter check' names them)"
    )


def test_every_invalid_file_has_an_expected_line() -> None:
    assert {file.name for file in TESTDATA.glob("invalid-*")} == set(REFUSALS)


def test_only_name_token_and_a_charger_are_required_and_the_rest_has_defaults() -> None:
    assert load(Path("valid-minimal.yml")) == Config(
        stale_after_seconds=None,
        expose_location=False,
        max_power_watts=400_000,
        accounts=(
            AccountConfig(
                name="delhi",
                url="https://library.vecharge.app",
                token=TokenSource(literal="marked-secret"),
                transports=("websocket", "polling"),
                connect_timeout_seconds=20,
                ca_file=None,
                insecure_skip_verify=False,
                chargers=(ChargerConfig(id="test", name=None),),
            ),
        ),
    )


def test_every_field_reaches_its_value() -> None:
    assert load(Path("valid-full.yml")) == Config(
        stale_after_seconds=5400,
        expose_location=True,
        max_power_watts=22_000,
        accounts=(
            AccountConfig(
                name="delhi",
                url="http://127.0.0.1:8080",
                token=TokenSource(file=Path("secrets/delhi")),
                transports=("polling",),
                connect_timeout_seconds=0.5,
                ca_file=Path("ca.pem"),
                ca_digest=sha256(Path("ca.pem").read_bytes()).hexdigest(),
                insecure_skip_verify=False,
                chargers=(
                    ChargerConfig(id="test"),
                    ChargerConfig(id="veChargePoint0125896", name="Rohini Sector 22"),
                    ChargerConfig(id="found-in-yaml"),
                    ChargerConfig(id="named-in-yaml", name="Karol Bagh"),
                    ChargerConfig(id="found-in-json"),
                    ChargerConfig(id="named-in-json", name="🔌"),
                ),
            ),
            AccountConfig(
                name="mumbai",
                token=TokenSource(variable="MUMBAI_TOKEN"),
                insecure_skip_verify=True,
                chargers=(ChargerConfig(id="0125896"),),
            ),
        ),
        charger_files={
            FilePattern(Path(), "chargers/*.yml"): (Path("chargers/discovered.yml"),),
            FilePattern(Path(), "chargers/*.json"): (Path("chargers/discovered.json"),),
            FilePattern(Path(), "nothing/*.yml"): (),
        },
        marks={
            Path("secrets/delhi"): None,
            Path("ca.pem"): mark_of(Path("ca.pem")),
            Path("chargers/discovered.yml"): mark_of(Path("chargers/discovered.yml")),
            Path("chargers/discovered.json"): mark_of(Path("chargers/discovered.json")),
        },
    )


def test_paths_in_the_file_are_relative_to_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    delhi, _ = load(TESTDATA / "valid-full.yml").accounts
    assert delhi.token.file == TESTDATA / "secrets/delhi"
    assert delhi.ca_file == TESTDATA / "ca.pem"
    assert ChargerConfig(id="found-in-yaml") in delhi.chargers


def test_a_folder_whose_name_looks_like_a_pattern_is_taken_literally(tmp_path: Path) -> None:
    folder = tmp_path / "chargers[1]*"
    folder.mkdir()
    (folder / "a.yml").write_text("[a]")
    (folder / "config.yml").write_text("accounts: [{name: x, token_env: X, charger_files: ['a.yml', '*a.yml']}]")
    config = load(folder / "config.yml")
    assert [charger.id for charger in config.accounts[0].chargers] == ["a"]


def test_all_chargers_may_come_from_charger_files_in_order_of_file_name() -> None:
    (account,) = load(Path("valid-only-charger-files.yml")).accounts
    assert [charger.id for charger in account.chargers] == [
        "found-in-json",
        "named-in-json",
        "found-in-yaml",
        "named-in-yaml",
    ]


@pytest.mark.parametrize("suffix", ["yml", "json"])
def test_a_byte_order_mark_is_ignored(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"chargers.{suffix}").write_bytes(b'\xef\xbb\xbf["a"]')
    (tmp_path / "config.yml").write_text("accounts: [{name: x, token_env: X, charger_files: [chargers.*]}]")
    assert load(tmp_path / "config.yml").accounts[0].chargers == (ChargerConfig(id="a"),)


def test_a_yaml_merge_key_copies_fields_of_an_account() -> None:
    delhi, mumbai = load(Path("valid-anchors.yml")).accounts
    assert (delhi.name, mumbai.name) == ("delhi", "mumbai")
    assert delhi.connect_timeout_seconds == mumbai.connect_timeout_seconds == 3


def test_printing_a_configuration_does_not_print_its_token() -> None:
    config = load(Path("valid-minimal.yml"))
    assert "marked-secret" not in repr(config)
    assert config.accounts[0].token.read() == "marked-secret"


@pytest.mark.parametrize(("written", "seconds"), [("", None), ("auto", None), ("90s", 90.0)])
def test_stale_after_is_automatic_unless_a_duration_is_given(
    tmp_path: Path, written: str, seconds: float | None
) -> None:
    file = tmp_path / "config.yml"
    given = f"global: {{stale_after: {written}}}\n" if written else ""
    file.write_text(given + "accounts: [{name: a, token: t, chargers: [c]}]\n")
    assert load(file).stale_after_seconds == seconds
