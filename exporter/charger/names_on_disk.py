"""The names of kept fields in the state file: short, since a commit writes a row of them for each charger.

A field may be renamed in the code, but its name on disk stays, and is not used again for another field of its object.
"""

from typing import Final

NAMES: Final = {
    # KeptState
    "meter": "m",
    "first_seen_unix": "f",
    "sessions": "n",  # of a MeterState
    # MeterState
    "total_joules": "t",
    "excess_joules": "x",
    "start_joules": "s",
    "settled_joules": "d",
    "settled_set_aside_joules": "da",
    "listed_sessions": "l",
    "last_session_number": "h",
    "current": "c",
    "previous": "p",
    "evidence": "v",
    "switched_on_unix": "so",
    "document": "do",
    "reported_previous": "rp",
    "logs": "g",
    "power": "w",
    # RunningSession, PendingDocument and LogOrderState
    "energy": "e",
    "began_at": "b",
    "read_at": "r",
    "changed_at": "a",
    "began_by": "bb",
    "begun_on": "bo",
    "number": "i",
    "first_energy": "fe",
    "first_at": "fa",
    "document_energy": "de",
    "base": "ba",
    "set_aside": "sa",
    "rises": "k",
    "peak_watts": "pw",
    "ended_at": "ea",
    "ended_by": "eb",
    "certain": "ok",
    "received": "y",
    "counted_as": "ca",
    "created": "cr",
    "time": "z",
    "clock_shift": "cs",
    "delay": "dl",
    "created_before_reset": "cb",
    "times_ahead": "ta",
    # PowerState
    "peak": "pk",
    "last_rate": "lr",
    "ratio": "q",
    "highest_reported": "hr",
}


def on_disk(name: str) -> str:
    """Return the name of a kept field in the state file."""
    return NAMES[name]
