"""Basic authentication: bcrypt once a password, and never once a scrape."""

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
# bcrypt reads no further, and newer versions of it refuse what is longer.
MAX_PASSWORD_BYTES: Final = 72


class Passwords:
    """The users of the web side.

    What was verified is remembered, as a keyed hash, for a bounded number of user and password pairs. A wrong
    password costs one bcrypt whether the user exists or not, so that its time tells nothing.
    """

    def __init__(self, users: Mapping[str, bytes]) -> None:
        self._users = users
        self._key = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, None] = OrderedDict()
        # As costly as the users' own, and matched by nothing that anybody knows.
        rounds = max((int(hashed.split(b"$")[2]) for hashed in users.values()), default=10)
        self._nobody = bcrypt.hashpw(secrets.token_bytes(16).hex().encode(), bcrypt.gensalt(rounds))
        # A flood of wrong passwords takes one core, and not all of them.
        self._one_at_a_time = asyncio.Lock()

    async def accept(self, authorization: str | None) -> bool:
        """Whether an Authorization header names a user with the right password."""
        if not self._users:
            return True
        credentials = _credentials(authorization)
        if credentials is None:
            return False
        user, password = credentials
        digest = hmac.digest(self._key, f"{len(user)}:{user}:".encode() + password, hashlib.sha256)
        if digest in self._remembered:
            self._remembered.move_to_end(digest)
            return True
        async with self._one_at_a_time:
            hashed = self._users.get(user, self._nobody)
            matches = await asyncio.to_thread(bcrypt.checkpw, password[:MAX_PASSWORD_BYTES], hashed)
        if not matches or user not in self._users:
            return False
        self._remembered[digest] = None
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return True


def _credentials(authorization: str | None) -> tuple[str, bytes] | None:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else None
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
