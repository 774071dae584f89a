"""The words and colours in which the dashboards show a value."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

GOOD, WARN, BAD, LOST, QUIET, PLAIN = "green", "orange", "red", "purple", "#7b8087", "blue"

Steps = tuple[tuple[float | None, str], ...]
Words = tuple[tuple[int, str, str], ...]
Colours = tuple[tuple[str, str], ...]

# Public funding programmes ask for chargers that are up 97 % of the time.
AVAILABILITY: Final[Steps] = ((None, BAD), (0.90, WARN), (0.97, GOOD))
# 230 V +/- 10 %.
VOLTAGE_BAND: Final[Steps] = ((None, BAD), (207.0, GOOD), (253.0, BAD))
NONE_IS_GOOD: Final[Steps] = ((None, GOOD), (1.0, BAD))
FEW_ARE_GOOD: Final[Steps] = ((None, GOOD), (1.0, WARN), (10.0, BAD))
NONE_IS_MISSING: Final[Steps] = ((None, GOOD), (1.0, WARN))
NONE_IS_LOST: Final[Steps] = ((None, GOOD), (1.0, LOST))
NEUTRAL: Final[Steps] = ((None, PLAIN),)
TOKEN_LEFT_SECONDS: Final[Steps] = ((None, BAD), (3 * 86_400.0, WARN), (14 * 86_400.0, GOOD))

STATE: Final[Words] = (
    (-1, "Unwatched", LOST),
    (0, "Unreachable", BAD),
    (1, "Off", QUIET),
    (2, "On", GOOD),
    (3, "Unknown", WARN),
)
# As PromQL's day_of_week() counts.
WEEKDAYS: Final[Words] = tuple(
    (day, name, "text") for day, name in enumerate(["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"])
)
UP: Final[Words] = ((0, "Down", BAD), (1, "Up", GOOD))
CONNECTED: Final[Words] = ((0, "Disconnected", BAD), (1, "Connected", GOOD))
STATUS: Final[Words] = ((0, "Unknown", WARN), (1, "Off", QUIET), (2, "On", GOOD))
RELOADED: Final[Words] = ((0, "Failed", BAD), (1, "Successful", GOOD))


def thresholds(steps: Steps) -> build.ThresholdsConfig:
    """The colour from each value upwards."""
    return (
        build.ThresholdsConfig()
        .mode(model.ThresholdsMode.ABSOLUTE)
        .steps([model.Threshold(value, colour) for value, colour in steps])
    )


def mappings(words: Words) -> list[model.ValueMapping]:
    """A word and a colour for each number."""
    results = {
        str(number): model.ValueMappingResult(text=text, color=colour, index=index)
        for index, (number, text, colour) in enumerate(words)
    }
    return [model.ValueMap(results)] if results else []


def coloured(colours: Colours) -> list[model.ValueMapping]:
    """A colour for each text."""
    results = {text: model.ValueMappingResult(text=text, color=colour) for text, colour in colours}
    return [model.ValueMap(results)] if results else []
