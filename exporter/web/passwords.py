"""Basic authentication: bcrypt once a password, and never once a scrape."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

import bcrypt

from exporter.web.turns import Turns

MAX_REMEMBERED: Final = 100
# Passwords that wait to be tried: at a cost of 12 the last of them waits for 4 s.
MAX_WAITING: Final = 16
# bcrypt reads no further, and newer versions of it refuse what is longer.
MAX_PASSWORD_BYTES: Final = 72
_ALPHABET: Final = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class Passwords:
    """The users of the web side.

    What was verified is remembered, as a keyed hash, for a bounded number of user and password pairs. A wrong
    password costs one bcrypt whether the user exists or not, of a cost that users have: its time tells nothing.
    """

    def __init__(self, users: Mapping[str, bytes]) -> None:
        self.users = users
        self._key = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, None] = OrderedDict()
        self._decoys = [_decoy(hashed) for hashed in users.values()]
        # A flood of wrong passwords takes one core, and not all of them.
        self._turns = Turns(MAX_WAITING)
        # What is being tried, with those who ask: many scrapes at once may bring the same password.
        self._tries: dict[bytes, tuple[asyncio.Task[bool], list[Callable[[], bool]]]] = {}

    async def accept(
        self, authorization: str | None, line: str = "", has_left: Callable[[], bool] = lambda: False
    ) -> bool:
        """Whether an Authorization header names a user with the right password.

        Who was not yet verified waits in `line`, fairly with the other lines, and no bcrypt is spent on who `has_left`
        meanwhile; raises CrowdedError if too many wait.
        """
        if not self.users:
            return True
        credentials = _credentials(authorization)
        if credentials is None:
            return False
        user, password = credentials
        digest = self._digest(f"{len(user)}:{user}:".encode() + password)
        if self._remembers(digest):
            return True
        if digest not in self._tries:
            asking: list[Callable[[], bool]] = []
            trying = self._try(digest, user, password, line, asking)
            self._tries[digest] = asyncio.create_task(trying, name="password"), asking
        task, asking = self._tries[digest]
        asking.append(has_left)
        return await asyncio.shield(task)

    async def _try(
        self, digest: bytes, user: str, password: bytes, line: str, asking: list[Callable[[], bool]]
    ) -> bool:
        try:
            async with self._turns.turn(line):
                if all(has_left() for has_left in asking):
                    return False
                hashed = self.users.get(user) or self._decoy_of(user)
                matches = await asyncio.to_thread(_matches, password, hashed)
        finally:
            del self._tries[digest]
        if not matches or user not in self.users:
            return False
        self._remembered[digest] = None
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return True

    def _digest(self, text: bytes) -> bytes:
        return hmac.digest(self._key, text, hashlib.sha256)

    def _remembers(self, digest: bytes) -> bool:
        if digest not in self._remembered:
            return False
        self._remembered.move_to_end(digest)
        return True

    def _decoy_of(self, user: str) -> bytes:
        """The same for the same name at every try, and as often of a cost as the users' own are."""
        return self._decoys[int.from_bytes(self._digest(user.encode())) % len(self._decoys)]


def _decoy(hashed: bytes) -> bytes:
    """As costly as `hashed`, and matched by nothing that anybody knows: the digest is no one's."""
    return hashed[:-31] + "".join(secrets.choice(_ALPHABET) for _ in range(31)).encode()


def _matches(password: bytes, hashed: bytes) -> bool:
    try:
        return bcrypt.checkpw(password[:MAX_PASSWORD_BYTES], hashed)
    except ValueError:
        # Older versions of bcrypt refuse some bytes, which then are in nobody's password.
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
