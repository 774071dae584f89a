"""Three environment variables are a configuration without a file."""

import pytest

from exporter.config.load import AccountConfig, ChargerConfig, Config, from_environment
from exporter.config.tokens import TokenSource
from exporter.errors import ConfigError

COMPLETE = {"VECHARGE_TOKEN": "marked-secret", "VECHARGE_CHARGERS": "test, veChargePoint0125896,"}


def test_token_and_chargers_are_enough() -> None:
    assert from_environment(COMPLETE) == Config(
        accounts=(
            AccountConfig(
                name="default",
                url="https://library.vecharge.app",
                token=TokenSource(variable="VECHARGE_TOKEN"),
                chargers=(ChargerConfig(id="test"), ChargerConfig(id="veChargePoint0125896")),
            ),
        ),
    )


def test_another_service_may_be_set() -> None:
    (account,) = from_environment(COMPLETE | {"VECHARGE_URL": "http://127.0.0.1:8080"}).accounts
    assert account.url == "http://127.0.0.1:8080"


def test_an_empty_variable_counts_as_not_set() -> None:
    assert from_environment(COMPLETE | {"VECHARGE_URL": ""}) == from_environment(COMPLETE)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"VECHARGE_TOKEN": " "},
            "VECHARGE_TOKEN is not set: set it to the token, or name a file with --config.file",
        ),
        (
            {"VECHARGE_CHARGERS": ","},
            "VECHARGE_CHARGERS is not set: set it to the charger ids, separated by commas or spaces",
        ),
        ({"VECHARGE_CHARGERS": "a,b,a"}, 'VECHARGE_CHARGERS: duplicate charger id "a"'),
        (
            {"VECHARGE_CHARGERS": "a\x07"},
            "VECHARGE_CHARGERS: a charger id must not contain control characters or line breaks",
        ),
        (
            {"VECHARGE_URL": "https://host/?token=marked-secret"},
            "VECHARGE_URL: must not contain a query or fragment: the exporter adds token and charger id itself",
        ),
    ],
)
def test_a_fault_of_the_environment_is_one_line_that_names_the_variable(change: dict[str, str], line: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        from_environment(COMPLETE | change)
    assert str(refusal.value) == line
