"""Basic authentication: accepted users, and the number of bcrypts. They are counted, not timed."""

import asyncio
import threading
from collections.abc import Iterator

import bcrypt
import pytest

from exporter.web.passwords import MAX_WAITING, Passwords, TooManyWaitingError
from tests.processes import SECONDS
from tests.web.site import basic

CHEAP = 4


def hashed(password: str, cost: int = CHEAP) -> bytes:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost))


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The cost of every bcrypt that was run."""
    costs: list[int] = []
    check = bcrypt.checkpw

    def counted(password: bytes, against: bytes) -> bool:
        costs.append(int(against.split(b"$")[2]))
        return check(password, against)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    return costs


async def test_without_users_every_request_is_accepted(tries: list[int]) -> None:
    assert await Passwords({}).accept(None)
    assert tries == []


async def test_only_a_user_with_the_right_password_is_accepted() -> None:
    users = Passwords({"alice": hashed("right"), "bob": hashed("other")})
    assert await users.accept(basic("alice", "right"))
    assert not await users.accept(basic("alice", "wrong"))
    assert not await users.accept(basic("alice", "other"))
    assert not await users.accept(basic("bob", "right"))
    assert not await users.accept(basic("nobody", "right"))


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic YWxpY2U=",
        "Bearer YWxpY2U6cmlnaHQ=",
        "Basic /zpyaWdodA==",
        "YWxpY2U6",
    ],
)
async def test_a_header_that_is_not_basic_authentication_is_rejected(header: str | None, tries: list[int]) -> None:
    assert not await Passwords({"alice": hashed("right")}).accept(header)
    assert tries == []


async def test_the_name_of_the_scheme_is_case_insensitive() -> None:
    users = Passwords({"alice": hashed("right")})
    assert await users.accept(basic("alice", "right").replace("Basic", "bAsIc"))


@pytest.mark.parametrize("password", ["with:colon", "påßwörd", "x" * 72, "nul\0inside", " "])
async def test_any_password_that_bcrypt_can_hold_works(password: str) -> None:
    users = Passwords({"alice": hashed(password)})
    assert await users.accept(basic("alice", password))
    assert not await users.accept(basic("alice", password[:-1]))


async def test_only_the_first_72_bytes_of_a_password_count() -> None:
    users = Passwords({"alice": hashed("x" * 72)})
    assert await users.accept(basic("alice", "x" * 200))


async def test_a_verified_password_needs_no_bcrypt(tries: list[int]) -> None:
    users = Passwords({"alice": hashed("right")})
    for _ in range(100):
        assert await users.accept(basic("alice", "right"))
    assert len(tries) == 1


async def test_concurrent_first_scrapes_run_one_bcrypt(tries: list[int]) -> None:
    users = Passwords({"alice": hashed("right")})
    accepted = await asyncio.gather(*(users.accept(basic("alice", "right")) for _ in range(MAX_WAITING)))
    assert all(accepted)
    assert len(tries) == 1


async def test_a_wrong_password_runs_one_bcrypt_for_any_user(tries: list[int]) -> None:
    users = Passwords({"alice": hashed("right")})
    for user in ("alice", "nobody"):
        tries.clear()
        for _ in range(3):
            assert not await users.accept(basic(user, "wrong"))
        assert tries == [CHEAP] * 3, user


async def test_one_bcrypt_runs_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    running: list[int] = [0]
    most: list[int] = [0]
    check = bcrypt.checkpw

    def watched(password: bytes, against: bytes) -> bool:
        running[0] += 1
        most[0] = max(most[0], running[0])
        try:
            return check(password, against)
        finally:
            running[0] -= 1

    monkeypatch.setattr(bcrypt, "checkpw", watched)
    users = Passwords({"alice": hashed("right", 6)})
    assert not any(await asyncio.gather(*(users.accept(basic("alice", f"wrong{n}")) for n in range(10))))
    assert most == [1]


@pytest.fixture
def turnstile(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Semaphore]:
    """Every bcrypt waits until the test releases it."""
    let_through = threading.Semaphore(0)
    check = bcrypt.checkpw

    def held(password: bytes, against: bytes) -> bool:
        assert let_through.acquire(timeout=SECONDS)
        return check(password, against)

    monkeypatch.setattr(bcrypt, "checkpw", held)
    yield let_through
    let_through.release(1000)


async def waiting(users: Passwords, count: int) -> list[asyncio.Task[bool]]:
    """Requests with wrong passwords: the first is checked, the others wait."""
    tasks = [asyncio.create_task(users.accept(basic("alice", f"wrong{n}"))) for n in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_the_number_of_waiting_passwords_is_limited(
    turnstile: threading.Semaphore,
) -> None:
    users = Passwords({"alice": hashed("right")})
    flood = await waiting(users, 1 + MAX_WAITING)
    for user in ("alice", "nobody"):
        for password in ("right", "wrong"):
            with pytest.raises(TooManyWaitingError):
                await users.accept(basic(user, password))
    turnstile.release(1000)
    assert await asyncio.gather(*flood) == [False] * len(flood)
    assert await users.accept(basic("alice", "right")), "there is room again"


async def test_a_verified_password_does_not_wait(turnstile: threading.Semaphore) -> None:
    users = Passwords({"alice": hashed("right")})
    turnstile.release()
    assert await users.accept(basic("alice", "right"))
    flood = await waiting(users, 1 + MAX_WAITING)
    assert await users.accept(basic("alice", "right"))
    assert not any(task.done() for task in flood)
    turnstile.release(1000)
    await asyncio.gather(*flood)


async def test_one_verified_password_is_cached_for_each_user(tries: list[int]) -> None:
    users = Passwords({f"user{n}": hashed("x" * 72) for n in range(200)})
    for suffix in ("", "ignored", "", "ignored"):
        for n in range(200):
            assert await users.accept(basic(f"user{n}", "x" * 72 + suffix))
    assert len(tries) == 200


async def test_the_verified_password_of_a_user_is_that_of_no_other(tries: list[int]) -> None:
    users = Passwords({"alice": hashed("right"), "bob": hashed("other")})
    assert await users.accept(basic("alice", "right"))
    for user in ("bob", "nobody", ""):
        assert not await users.accept(basic(user, "right"))
    assert len(tries) == 4
