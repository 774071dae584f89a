"""The sites of the simulated chargers: real districts of India; everything else is made up."""

from dataclasses import dataclass
from random import Random

from exporter.simulator.electricity import Mains

# District, latitude, longitude.
DISTRICTS = (
    ("Rohini Sector 22, Delhi", 28.7186, 77.0608),
    ("Dwarka Sector 10, Delhi", 28.5823, 77.0500),
    ("Nehru Place, Delhi", 28.5494, 77.2519),
    ("Cyber City, Gurugram", 28.4950, 77.0890),
    ("Sector 62, Noida", 28.6270, 77.3649),
    ("Koramangala, Bengaluru", 12.9352, 77.6245),
    ("Whitefield, Bengaluru", 12.9698, 77.7500),
    ("Bandra Kurla Complex, Mumbai", 19.0662, 72.8697),
    ("Hinjawadi, Pune", 18.5913, 73.7389),
    ("T. Nagar, Chennai", 13.0418, 80.2341),
    ("Gachibowli, Hyderabad", 17.4401, 78.3489),
    ("Salt Lake Sector V, Kolkata", 22.5800, 88.4300),
    ("Kakkanad, Kochi", 10.0159, 76.3419),
    ("Malviya Nagar, Jaipur", 26.8549, 75.8243),
    ("SG Highway, Ahmedabad", 23.0497, 72.5117),
)
SPOTS = ("Metro station, gate 2", "Market car park", "Office tower, basement 1", "Apartment block C", "Fuel stop")
OPERATORS = ("veChargerCommunity", "Sample Charge Point Co", "Example EV Parks")
# The maximum current of single-phase chargers of 2.3, 3.3 and 7.4 kW, and how common each is.
AMPERES = ((10.0, 1), (15.0, 3), (32.0, 4))


@dataclass(frozen=True, slots=True)
class Site:
    """What does not change about one charger."""

    charger_id: str
    device_id: str
    operator: str
    partner_id: str
    address: str
    detail: str
    mode: str
    latitude: float
    longitude: float
    max_amperes: float
    mains: Mains
    # With mixed payloads: whether this charger's are JSON text rather than objects.
    sends_text: bool


def charger_id(index: int) -> str:
    """Return the id of a charger of the fleet, counted from 0."""
    return f"sim-{index + 1:04d}"


def site(index: int, random: Random) -> Site:
    """Return the site of a charger, counted from 0: districts in turn, the rest from `random`."""
    district, latitude, longitude = DISTRICTS[index % len(DISTRICTS)]
    return Site(
        charger_id=charger_id(index),
        device_id=f"veChargePoint{index + 1:07d}",
        operator=random.choice(OPERATORS),
        partner_id=f"{random.getrandbits(96):024x}",
        address=district,
        detail=random.choice(SPOTS),
        mode=random.choices(("PUBLIC", "PRIVATE"), weights=(4, 1))[0],
        latitude=round(latitude + random.uniform(-0.01, 0.01), 4),
        longitude=round(longitude + random.uniform(-0.01, 0.01), 4),
        max_amperes=random.choices([a for a, _ in AMPERES], weights=[w for _, w in AMPERES])[0],
        mains=Mains((random.uniform(0, 6.28), random.uniform(0, 6.28), random.uniform(0, 6.28))),
        sends_text=random.random() < 0.5,
    )
