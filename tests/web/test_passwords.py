"""Basic authentication: who gets in, and what a try costs. Counted, not timed."""

import asyncio
import threading
from collections.abc import Iterator

import bcrypt
import pytest

from exporter.web.passwords import MAX_REMEMBERED, MAX_WAITING, Passwords
from exporter.web.turns import CrowdedError
from tests.processes import SECONDS
from tests.web.site import basic

CHEAP, DEAR = 4, 5


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


async def test_without_users_everybody_gets_in(tries: list[int]) -> None:
    assert await Passwords({}).accept(None)
    assert tries == []


async def test_a_user_gets_in_with_the_right_password_alone() -> None:
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
async def test_what_is_no_basic_authentication_does_not_get_in(header: str | None, tries: list[int]) -> None:
    assert not await Passwords({"alice": hashed("right")}).accept(header)
    assert tries == []


async def test_the_name_of_the_scheme_has_no_case() -> None:
    users = Passwords({"alice": hashed("right")})
    assert await users.accept(basic("alice", "right").replace("Basic", "bAsIc"))


@pytest.mark.parametrize("password", ["with:colon", "påßwörd", "x" * 72, "nul\0inside", " "])
async def test_any_password_that_bcrypt_can_hold_works(password: str) -> None:
    users = Passwords({"alice": hashed(password)})
    assert await users.accept(basic("alice", password))
    assert not await users.accept(basic("alice", password[:-1]))


async def test_of_a_longer_password_bcrypt_knows_72_bytes() -> None:
    users = Passwords({"alice": hashed("x" * 72)})
    assert await users.accept(basic("alice", "x" * 200))


async def test_a_scrape_costs_no_bcrypt_once_the_password_was_verified(tries: list[int]) -> None:
    users = Passwords({"alice": hashed("right")})
    for _ in range(100):
        assert await users.accept(basic("alice", "right"))
    assert len(tries) == 1


async def test_fifty_first_scrapes_at_once_cost_one_bcrypt(tries: list[int]) -> None:
    users = Passwords({"alice": hashed("right")})
    accepted = await asyncio.gather(*(users.accept(basic("alice", "right")) for _ in range(50)))
    assert all(accepted)
    assert len(tries) == 1


async def test_a_wrong_password_costs_one_bcrypt_every_time_whether_the_user_exists_or_not(tries: list[int]) -> None:
    users = Passwords({"alice": hashed("right")})
    for user in ("alice", "nobody"):
        tries.clear()
        for _ in range(3):
            assert not await users.accept(basic(user, "wrong"))
        assert tries == [CHEAP] * 3, user


async def test_a_user_who_does_not_exist_costs_what_some_user_costs_and_the_same_every_time(tries: list[int]) -> None:
    users = Passwords({"alice": hashed("right"), "bob": hashed("right", DEAR)})
    costs = {}
    for user in (f"nobody{number}" for number in range(40)):
        tries.clear()
        for _ in range(2):
            assert not await users.accept(basic(user, "wrong"))
        assert len(set(tries)) == 1, "a second try would tell that nobody has this name"
        costs[user] = tries[0]
    assert set(costs.values()) == {CHEAP, DEAR}


async def test_wrong_passwords_take_one_core_and_not_all(monkeypatch: pytest.MonkeyPatch) -> None:
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
    """Every bcrypt waits until it is let through."""
    let_through = threading.Semaphore(0)
    check = bcrypt.checkpw

    def held(password: bytes, against: bytes) -> bool:
        assert let_through.acquire(timeout=SECONDS)
        return check(password, against)

    monkeypatch.setattr(bcrypt, "checkpw", held)
    yield let_through
    let_through.release(1000)


async def asked(users: Passwords, password: str, line: str = "") -> asyncio.Task[bool]:
    """One who has asked, and waits."""
    task = asyncio.create_task(users.accept(basic("alice", password), line))
    for _ in range(5):
        await asyncio.sleep(0)
    return task


async def test_one_who_tries_many_passwords_holds_up_itself_and_nobody_else(turnstile: threading.Semaphore) -> None:
    users = Passwords({"alice": hashed("right")})
    flood = [await asked(users, f"wrong{n}", "attacker") for n in range(1 + MAX_WAITING)]
    prometheus = await asked(users, "right", "prometheus")
    # The one that was being tried, one more of the flood at the most, and then the other's.
    turnstile.release(3)
    assert await asyncio.wait_for(prometheus, SECONDS)
    assert sum(not task.done() for task in flood) >= MAX_WAITING - 2
    turnstile.release(1000)
    ends = await asyncio.gather(*flood, return_exceptions=True)
    assert [end for end in ends if end is not False] == [ends[-1]], "the last of the flood had to make room"
    assert isinstance(ends[-1], CrowdedError)


async def test_the_same_answer_is_given_to_who_cannot_be_tried_whoever_the_user_and_whatever_the_password(
    turnstile: threading.Semaphore,
) -> None:
    users = Passwords({"alice": hashed("right")})
    flood = [await asked(users, f"wrong{n}") for n in range(1 + MAX_WAITING)]
    for user in ("alice", "nobody"):
        for password in ("right", "wrong"):
            with pytest.raises(CrowdedError):
                await users.accept(basic(user, password))
    turnstile.release(1000)
    assert await asyncio.gather(*flood) == [False] * len(flood)


async def test_who_was_verified_once_waits_for_nobody(turnstile: threading.Semaphore) -> None:
    users = Passwords({"alice": hashed("right")})
    turnstile.release()
    assert await users.accept(basic("alice", "right"))
    flood = [await asked(users, f"wrong{n}") for n in range(1 + MAX_WAITING)]
    assert await users.accept(basic("alice", "right"))
    assert not any(task.done() for task in flood)
    turnstile.release(1000)
    await asyncio.gather(*flood)


async def test_no_bcrypt_is_spent_on_who_has_left(tries: list[int]) -> None:
    users = Passwords({"alice": hashed("right", 8)})
    trying = asyncio.create_task(users.accept(basic("alice", "first")))
    left = [asyncio.create_task(users.accept(basic("alice", f"wrong{n}"), "", lambda: True)) for n in range(10)]
    stayed = asyncio.create_task(users.accept(basic("alice", "wrong1")))
    assert await asyncio.gather(trying, stayed, *left) == [False] * 12
    assert len(tries) == 2, "one who has stayed asks the same as one who has left"


async def test_what_was_verified_is_forgotten_in_the_end(tries: list[int]) -> None:
    users = Passwords({f"user{n}": hashed("right") for n in range(MAX_REMEMBERED + 1)})
    for n in range(MAX_REMEMBERED + 1):
        assert await users.accept(basic(f"user{n}", "right"))
    tries.clear()
    assert await users.accept(basic(f"user{MAX_REMEMBERED}", "right"))
    assert len(tries) == 0
    assert await users.accept(basic("user0", "right"))
    assert len(tries) == 1
