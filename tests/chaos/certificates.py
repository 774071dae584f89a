"""What the services of the fault matrix show to those that connect over TLS."""

import datetime as dt
import ssl
from pathlib import Path
from typing import Self

from tests import certificates
from tests.certificates import DAY

__all__ = ["DAY", "Authority"]


class Authority(certificates.Authority):
    """Signs the certificates of services; `file` is what a client has to trust."""

    @classmethod
    def create(cls, folder: Path, name: str = "an authority of this test") -> Self:
        return cls(folder, name)

    def server(self, address: str = "127.0.0.1", expires: dt.timedelta = DAY) -> ssl.SSLContext:
        """The TLS settings of a service at `address`; the certificate `expires` so long from now."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue("service", places=(address,), expires=expires))
        return context
