"""The web side: the pages over a fleet, and who may see them.

web.py           Web: starts, stops, and takes a changed web configuration file over
listening.py     addresses and their sockets
accepting.py     connections taken off a socket, also when no file is left
connections.py   how much a connection may take
guard.py         passwords, security headers, clients that do not read
pages.py         what is answered where
api.py           GET /api/v1/chargers
power.py         GET /api/v1/power
problem.py       why a charger cannot be reached, in words
"""

from exporter.web.connections import Limits
from exporter.web.listening import ListenAddress
from exporter.web.web import Web, WebOptions

__all__ = ["Limits", "ListenAddress", "Web", "WebOptions"]
