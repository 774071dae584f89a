"""Where the web side listens."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen; the host None is every address of the machine, port 0 any free port."""

    host: str | None
    port: int

    def __str__(self) -> str:
        host = self.host or ""
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def reachable(self) -> str:
        """Host and port for a URL on this machine."""
        is_every_address = self.host in (None, "0.0.0.0", "::")  # noqa: S104 - compared, not bound
        return f"127.0.0.1:{self.port}" if is_every_address else str(self)
