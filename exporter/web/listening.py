"""Where the web side listens: addresses, and sockets bound to them."""

import errno
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from exporter.errors import ListenError, cause_of

BACKLOG: Final = 1024
_NO_SUCH_FAMILY: Final = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


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


def bind(address: ListenAddress) -> list[socket.socket]:
    """Return listening sockets, one for each address of the host; raise ListenError."""
    try:
        return [_every_address(address.port)] if address.host is None else _named(address.host, address.port)
    except socket.gaierror as error:
        problem = f"cannot listen on {address}: the host {address.host} cannot be resolved"
        raise ListenError(f"{problem}: name an address of this machine in --web.listen-address") from error
    except OSError as error:
        raise ListenError(
            f"cannot listen on {address} ({cause_of(error)}): choose another --web.listen-address"
        ) from error


def _every_address(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)
        except OSError as error:
            # The kernel knows IPv6, but it is disabled.
            if error.errno not in _NO_SUCH_FAMILY:
                raise
    return socket.create_server(("", port), backlog=BACKLOG)


def _named(host: str, port: int) -> list[socket.socket]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    with ExitStack() as undo:
        bound: list[socket.socket] = []
        missing: OSError | None = None
        for family, _, _, _, place in dict.fromkeys(found):
            try:
                # Port 0 means the same free port on every address of a name.
                taken = bound[0].getsockname()[1] if bound else port
                one = socket.create_server((place[0], taken, *place[2:]), family=family, backlog=BACKLOG)
            except OSError as error:
                # "localhost" has two addresses even where there is no IPv6.
                if error.errno not in _NO_SUCH_FAMILY:
                    raise
                missing = error
            else:
                undo.callback(one.close)
                bound.append(one)
        if missing is not None and not bound:
            raise missing
        undo.pop_all()
    return bound
