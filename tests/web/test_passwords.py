"""Basic authentication: who gets in, and what a try costs. Counted, not timed."""

import asyncio

import bcrypt
import pytest

from exporter.passwords import MAX_REMEMBERED, Passwords
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
    assert not any(await asyncio.gather(*(users.accept(basic("alice", f"wrong{n}")) for n in range(20))))
    assert most == [1]


async def test_what_was_verified_is_forgotten_in_the_end(tries: list[int]) -> None:
    users = Passwords({f"user{n}": hashed("right") for n in range(MAX_REMEMBERED + 1)})
    for n in range(MAX_REMEMBERED + 1):
        assert await users.accept(basic(f"user{n}", "right"))
    tries.clear()
    assert await users.accept(basic(f"user{MAX_REMEMBERED}", "right"))
    assert len(tries) == 0
    assert await users.accept(basic("user0", "right"))
    assert len(tries) == 1
