"""Basic authentication: bcrypt runs once for each new password, not for each scrape."""

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Final

import bcrypt

# Passwords that wait to be checked: at a cost of 12 the last of them waits for 4 s.
MAX_WAITING: Final = 16
# bcrypt ignores all further bytes, and its newer versions reject longer passwords.
MAX_PASSWORD_BYTES: Final = 72
_ALPHABET: Final = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class TooManyWaitingError(Exception):
    """Too many passwords wait to be checked."""


class Passwords:
    """The users of the web side, and the passwords that have been verified.

    The verified password of a user is remembered as a keyed hash. A wrong password costs one bcrypt whether the user
    exists or not, so the time reveals nothing if all hashes have one cost.
    """

    def __init__(self, users: Mapping[str, bytes]) -> None:
        self.users = users
        self._key = secrets.token_bytes(32)
        self._verified: dict[str, bytes] = {}
        self._decoy = next(map(_decoy, users.values()), b"")
        # A flood of wrong passwords uses one core, not all of them.
        self._one_at_a_time = asyncio.Lock()
        self._waiting = 0

    async def accept(self, authorization: str | None) -> bool:
        """Return whether an Authorization header has a user and the right password; raise TooManyWaitingError.

        A password that has been verified before does not wait.
        """
        if not self.users:
            return True
        credentials = _credentials(authorization)
        if credentials is None:
            return False
        user, password = credentials
        digest = hmac.digest(self._key, password, hashlib.sha256)
        if self._is_verified(user, digest):
            return True
        if self._waiting > MAX_WAITING:  # with the one that is being checked
            raise TooManyWaitingError
        self._waiting += 1
        try:
            async with self._one_at_a_time:
                return self._is_verified(user, digest) or await self._check(user, password, digest)
        finally:
            self._waiting -= 1

    async def _check(self, user: str, password: bytes, digest: bytes) -> bool:
        matches = await asyncio.to_thread(_matches, password, self.users.get(user, self._decoy))
        if matches and user in self.users:
            self._verified[user] = digest
            return True
        return False

    def _is_verified(self, user: str, digest: bytes) -> bool:
        return hmac.compare_digest(self._verified.get(user, b""), digest)


def _decoy(hashed: bytes) -> bytes:
    """Return a hash as costly as `hashed` that no known password matches: its digest is random."""
    return hashed[:-31] + "".join(secrets.choice(_ALPHABET) for _ in range(31)).encode()


def _matches(password: bytes, hashed: bytes) -> bool:
    try:
        return bcrypt.checkpw(password, hashed)
    except ValueError:
        # Older versions of bcrypt reject some bytes, which no password then has.
        return False


def _credentials(authorization: str | None) -> tuple[str, bytes] | None:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (user.decode(), password[:MAX_PASSWORD_BYTES]) if colon else None
    except ValueError:
        return None
