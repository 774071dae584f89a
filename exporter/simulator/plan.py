"""When chargers charge, rest and lose their Wi-Fi, in simulated seconds."""

import math
from dataclasses import dataclass
from random import Random

from exporter.simulator.electricity import Demand


@dataclass(frozen=True, slots=True)
class Plan:
    """The habits of a fleet. Ranges are (least, most), in simulated seconds."""

    session: tuple[float, float] = (20 * 60, 4 * 3600)
    idle: tuple[float, float] = (10 * 60, 3 * 3600)
    # The share of the chargers that are in mid-session when the simulator starts.
    charging_at_start: float = 0.5
    # One charger in so many has a weak Wi-Fi; 0: none.
    weak_wifi_one_in: int = 12
    wifi_holds: tuple[float, float] = (20 * 60, 90 * 60)
    wifi_outage: tuple[float, float] = (2 * 60, 10 * 60)

    def charges_at_start(self, index: int) -> bool:
        """Whether the charger is in mid-session at the start: spread evenly, so that a small fleet is mixed too."""
        return math.ceil((index + 1) * self.charging_at_start) > math.ceil(index * self.charging_at_start)

    def has_weak_wifi(self, index: int) -> bool:
        """Whether the charger loses its Wi-Fi now and then."""
        return self.weak_wifi_one_in > 0 and index % self.weak_wifi_one_in == self.weak_wifi_one_in // 2


STEADY = Plan(session=(1e9, 1e9), charging_at_start=1.0, weak_wifi_one_in=0)
"""Every charger charges from the start and for ever: for load tests."""


def draw(span: tuple[float, float], random: Random) -> float:
    """A duration within the span."""
    return random.uniform(*span)


def draw_demand(plan: Plan, max_amperes: float, random: Random) -> Demand:
    """What the next car will draw: not every car takes all that the charger could give."""
    return Demand(
        plateau_amperes=max_amperes * random.choice((1.0, 1.0, 0.9, 0.75)),
        seconds=draw(plan.session, random),
        taper_share=random.uniform(0.1, 0.3),
    )
