"""Any bytes in a file lead to a Config or to a ConfigError of one line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.load import Config, load
from exporter.errors import ConfigError

TESTDATA = Path(__file__).parent / "testdata"
VALID = (TESTDATA / "valid-full.yml").read_bytes()
# YAML syntax, more often than by chance.
FRAGMENTS = st.sampled_from(
    [
        b"\n", b"  ", b": ", b"- ", b"{", b"}", b"[", b"]", b"&a ", b"*a", b"!!int ", b"!!binary ", b"<<: ", b"---\n",
        b"%YAML 1.2\n", b"'", b'"', b"|\n", b"? ", b"0x_", b"1:2:3", b"2024-13-45", b".nan", b"1e999", b"~", b"\xff",
        b"\x00", b"\xef\xbb\xbf", b"accounts", b"global", b"chargers", b"name",
    ]
)  # fmt: skip


def ends_well(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    try:
        outcome: Config | ConfigError = load(file)
    except ConfigError as refusal:
        outcome = refusal
    if not isinstance(outcome, Config):
        assert str(outcome).startswith(f"{file}: ")
        assert len(str(outcome).splitlines()) == 1


@pytest.fixture(scope="module", params=["yml", "json"])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config") / f"any.{request.param}"


@given(content=st.binary(max_size=200))
def test_any_bytes(file: Path, content: bytes) -> None:
    ends_well(file, content)


@given(content=st.lists(FRAGMENTS, max_size=30).map(b"".join))
def test_any_sequence_of_yaml_syntax(file: Path, content: bytes) -> None:
    ends_well(file, content)


@given(at=st.integers(0, len(VALID)), length=st.integers(0, 20), put=FRAGMENTS | st.binary(max_size=5))
def test_a_valid_file_damaged_anywhere(file: Path, at: int, length: int, put: bytes) -> None:
    ends_well(file, VALID[:at] + put + VALID[at + length :])


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b"- " * 100_000,
        b"9" * 10_000,
        b"global: {max_power_watts: " + b"9" * 4_000 + b"}\naccounts: []",
        b'{"global": {"max_power_watts": 1e999}, "accounts": []}',
        b"accounts: [{name: " + b"a" * 1_000_000,
    ],
    ids=range(8),
)
def test_deep_and_long_files(file: Path, content: bytes) -> None:
    ends_well(file, content)
