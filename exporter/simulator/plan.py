"""When chargers charge, are idle and lose their Wi-Fi, in simulated seconds."""

import math
from dataclasses import dataclass
from random import Random

from exporter.simulator.electricity import Demand


@dataclass(frozen=True, slots=True)
class Plan:
    """The durations of a fleet. Ranges are (least, most), in simulated seconds."""

    session: tuple[float, float] = (20 * 60, 4 * 3600)
    idle: tuple[float, float] = (10 * 60, 3 * 3600)
    # The share of the chargers that are in a session at the start.
    charging_at_start: float = 0.5
    # One charger in this many has a weak Wi-Fi; 0: none.
    weak_wifi_one_in: int = 12
    wifi_holds: tuple[float, float] = (20 * 60, 90 * 60)
    wifi_outage: tuple[float, float] = (2 * 60, 10 * 60)

    def charges_at_start(self, index: int) -> bool:
        """Return whether the charger starts in a session. Such chargers are spread evenly, also in a small fleet."""
        return math.ceil((index + 1) * self.charging_at_start) > math.ceil(index * self.charging_at_start)

    def has_weak_wifi(self, index: int) -> bool:
        """Return whether the charger loses its Wi-Fi at times."""
        return self.weak_wifi_one_in > 0 and index % self.weak_wifi_one_in == self.weak_wifi_one_in // 2


STEADY = Plan(session=(1e9, 1e9), charging_at_start=1.0, weak_wifi_one_in=0)
"""Every charger charges all the time: for load tests."""


def draw(span: tuple[float, float], random: Random) -> float:
    """Return a random duration within the span."""
    return random.uniform(*span)


def draw_demand(plan: Plan, max_amperes: float, random: Random) -> Demand:
    """Return what the next car draws: not every car takes the maximum."""
    return Demand(
        plateau_amperes=max_amperes * random.choice((1.0, 1.0, 0.9, 0.75)),
        seconds=draw(plan.session, random),
        taper_share=random.uniform(0.1, 0.3),
    )
