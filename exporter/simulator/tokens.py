"""The tokens of the simulated service: JWTs (HS256) that live about 90 days, as the real service's do."""

import base64
import hashlib
import hmac
import json
from typing import Any

LIFETIME_SECONDS = 90 * 86_400
PREFIX = "Bearer "


class TokenIssuer:
    """Issues the one token that is accepted at a time.

    The key depends on the seed, so that a simulator that is restarted with the same seed accepts its earlier tokens. It
    is not secret: everybody who can reach a simulator may use it.
    """

    def __init__(self, seed: int, now: float) -> None:
        self._key = hashlib.sha256(f"vecharge simulator {seed}".encode()).digest()
        self._serial = 0
        self.accepting = True
        self.token = ""
        self.rotate(now)

    def rotate(self, now: float) -> None:
        """Issue a new token; the old one is no longer accepted."""
        self._serial += 1
        claims = {"iat": int(now), "exp": int(now) + LIFETIME_SECONDS, "serial": self._serial}
        body = _encode({"alg": "HS256", "typ": "JWT"}) + "." + _encode(claims)
        self.token = body + "." + self._signature(body)

    def accepts(self, credentials: str, now: float) -> bool:
        """Return whether the credentials, `Bearer` and a token, are valid at unix time `now`."""
        body, _, signature = credentials.removeprefix(PREFIX).rpartition(".")
        if not (self.accepting and credentials.startswith(PREFIX) and signature.isascii()):
            return False
        if not hmac.compare_digest(signature, self._signature(body)):
            return False
        claims = _decode(body.partition(".")[2])
        return bool(claims["serial"] == self._serial and claims["exp"] > now)

    def _signature(self, body: str) -> str:
        return _base64url(hmac.new(self._key, body.encode(), hashlib.sha256).digest())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _encode(value: dict[str, Any]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _decode(text: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return value
