"""Basic authentication: bcrypt runs once for each new password, not for each scrape."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

import bcrypt

MAX_REMEMBERED: Final = 100
# Passwords that wait to be checked: at a cost of 12 the last of them waits for 4 s.
MAX_WAITING: Final = 16
# bcrypt ignores all further bytes, and its newer versions reject longer passwords.
MAX_PASSWORD_BYTES: Final = 72
_ALPHABET: Final = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class TooManyWaitingError(Exception):
    """Too many passwords wait to be checked."""


class Passwords:
    """The users of the web side, and the passwords that have been verified.

    A verified password is remembered as a keyed hash, for a bounded number of pairs of user and password. A wrong
    password costs one bcrypt whether the user exists or not, so the time reveals nothing if all hashes have one cost.
    """

    def __init__(self, users: Mapping[str, bytes]) -> None:
        self.users = users
        self._key = secrets.token_bytes(32)
        self._verified: OrderedDict[bytes, None] = OrderedDict()
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
        digest = self._digest(f"{len(user)}:{user}:".encode() + password)
        if self._is_verified(digest):
            return True
        if self._waiting > MAX_WAITING:  # with the one that is being checked
            raise TooManyWaitingError
        self._waiting += 1
        try:
            async with self._one_at_a_time:
                return self._is_verified(digest) or await self._check(digest, user, password)
        finally:
            self._waiting -= 1

    async def _check(self, digest: bytes, user: str, password: bytes) -> bool:
        matches = await asyncio.to_thread(_matches, password, self.users.get(user, self._decoy))
        if not matches or user not in self.users:
            return False
        self._verified[digest] = None
        if len(self._verified) > MAX_REMEMBERED:
            self._verified.popitem(last=False)
        return True

    def _digest(self, text: bytes) -> bytes:
        return hmac.digest(self._key, text, hashlib.sha256)

    def _is_verified(self, digest: bytes) -> bool:
        if digest not in self._verified:
            return False
        self._verified.move_to_end(digest)
        return True


def _decoy(hashed: bytes) -> bytes:
    """Return a hash as costly as `hashed` that no known password matches: its digest is random."""
    return hashed[:-31] + "".join(secrets.choice(_ALPHABET) for _ in range(31)).encode()


def _matches(password: bytes, hashed: bytes) -> bool:
    try:
        return bcrypt.checkpw(password[:MAX_PASSWORD_BYTES], hashed)
    except ValueError:
        # Older versions of bcrypt reject some bytes, which no password then has.
        return False


def _credentials(authorization: str | None) -> tuple[str, bytes] | None:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else None
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
