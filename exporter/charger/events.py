"""What happens to the stream of a charger, the service's own events among it."""

from dataclasses import dataclass

from exporter.charger.account import Disconnection
from exporter.errors import ConnectFailure


@dataclass(frozen=True, slots=True)
class TokenInUse:
    """A token was read for an attempt to connect; when it expires (unix seconds), if it says so."""

    expiry_unix: float | None


@dataclass(frozen=True, slots=True)
class Connected:
    """The stream's namespace is connected."""


@dataclass(frozen=True, slots=True)
class ConnectFailed:
    """An attempt to connect has failed; `advice` says why and what to do, and is safe to show."""

    reason: ConnectFailure
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A connected stream has ended."""

    reason: Disconnection


@dataclass(frozen=True, slots=True)
class Received:
    """An event of the service as it came: its name and its arguments."""

    name: object
    arguments: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Garbled:
    """Something came that is no Socket.IO packet, or none that makes sense."""


StreamEvent = TokenInUse | Connected | ConnectFailed | Disconnected | Received | Garbled
