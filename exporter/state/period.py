"""The period of a query, and how times are given in a query."""

import math
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from exporter.config import duration
from exporter.state.session_rows import DAY_SECONDS, day_of

# 1970 to 2149. A day outside of this range can only be damage.
DAYS: Final = range(2**16)


@dataclass(frozen=True, slots=True)
class Period:
    """Sessions that began in [since, until): unix seconds."""

    since: float = 0.0
    until: float = float(DAYS.stop * DAY_SECONDS)

    def __contains__(self, unix: float) -> bool:
        return self.since <= unix < self.until

    @property
    def days(self) -> tuple[int, int]:
        """Return the first and the last day of the period."""
        # `until` itself is not in the period.
        last_instant = math.nextafter(self.until, self.since)
        first, last = (min(max(day_of(unix), 0), DAYS[-1]) for unix in (self.since, last_instant))
        return first, last

    @property
    def parameters(self) -> dict[str, float]:
        """Return the parameters of the queries."""
        first, last = self.days
        return {"first": first, "last": last, "since": self.since, "until": self.until}


ALL_TIME: Final = Period()


def time_of(text: str, now_unix: float) -> float:
    """Parse an RFC 3339 time (UTC by default), or a duration before now such as `7d`; raise ValueError."""
    with suppress(ValueError):
        return now_unix - duration.parse(text)
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("must be a time such as 2026-11-01T00:00:00Z, or a duration such as 7d") from error
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
