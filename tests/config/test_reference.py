"""docs/configuration.md is generated from the fields of the configuration file."""

import re
from pathlib import Path

import msgspec
import pytest

from exporter.config.load import ChargerConfig, load
from tests.config.reference import SECTIONS, configuration_reference

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"


@pytest.mark.usefixtures("golden")
def test_the_document_is_generated_from_the_fields(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--renew-golden"):
        DOCUMENT.write_text(configuration_reference())
    assert DOCUMENT.read_text() == configuration_reference(), "if the change is intended: make golden"


def test_every_field_is_in_its_section_with_a_description() -> None:
    sections = configuration_reference().split("\n## ")[1:]
    for section, text in zip(SECTIONS, sections, strict=True):
        rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]* \| (.+) \|$", text, re.MULTILINE)
        assert [name for name, _ in rows] == [field.encode_name for field in msgspec.structs.fields(section)]
        assert all(meaning.endswith(".") for _, meaning in rows)


def test_the_example_in_the_document_is_valid(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(.*?)```", configuration_reference(), re.DOTALL)
    assert found is not None
    (tmp_path / "example.yml").write_text(found[1])
    (account,) = load(tmp_path / "example.yml").accounts
    assert account.token.file == tmp_path / "delhi.token"
    assert account.chargers == (
        ChargerConfig(id="test"),
        ChargerConfig(id="61dc307faf72d17afc57e385", name="Rohini Sector 22"),
    )
