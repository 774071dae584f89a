"""The sources of a token, and its expiry."""

import asyncio
import base64
import json
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import files
from exporter.config.tokens import TokenReader, TokenSource, expired_on, expiry_of, expiry_text
from exporter.errors import TokenError
from tests.processes import SECONDS


def jwt(payload: Any) -> str:
    parts = (json.dumps({"alg": "HS256"}), payload if isinstance(payload, str) else json.dumps(payload))
    head, body = (base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)
    return f"{head}.{body}.c2lnbmF0dXJl"


def test_a_token_file_is_read_again_every_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    source = TokenSource(file=file)
    file.write_text("first\n")
    assert source.read() == "first"
    file.write_text("second\n")
    assert source.read() == "second"


def test_a_variable_is_read_again_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    source = TokenSource(variable="SOME_TOKEN")
    monkeypatch.setenv("SOME_TOKEN", "first")
    assert source.read() == "first"
    monkeypatch.setenv("SOME_TOKEN", "second")
    assert source.read() == "second"


@pytest.mark.parametrize("text", ["abc", " abc\n", "Bearer abc", "bearer  abc \r\n", "Bearer\tabc", "\ufeffabc"])
def test_white_space_and_the_word_bearer_are_removed_from_a_token(tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text)
    assert TokenSource(file=tmp_path / "token").read() == "abc"


def test_the_error_of_an_unreadable_token_names_its_source_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOME_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("empty").write_text(" \n")
    Path("words").write_text("marked-secret marked-secret")
    Path("binary").write_bytes(b"marked-secret\xff")
    faults = {
        TokenSource(variable="SOME_TOKEN"): "the environment variable SOME_TOKEN is not set: "
        "set it to the token of the veCharge account",
        TokenSource(file=Path("nothing")): "the token file nothing cannot be read "
        "(FileNotFoundError: No such file or directory): create it, or correct the path",
        TokenSource(file=Path("empty")): "the token file empty is empty: put the token of the veCharge account there",
        TokenSource(file=Path("binary")): "the token file binary is not a text file: is it the right file?",
        TokenSource(file=Path("words")): "the token file words contains 2 words: "
        "put one token there, alone or after the word Bearer",
        TokenSource(literal="Bearer "): "the token in the configuration is empty: "
        "put the token of the veCharge account there",
    }
    for source, message in faults.items():
        with pytest.raises(TokenError) as refusal:
            source.read()
        assert str(refusal.value) == message


QUOTED = "has quotes around it: remove them (Docker's --env-file takes quotes as part of the value)"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('"marked-secret"', QUOTED),
        ("'marked-secret'", QUOTED),
        ('"Bearer marked-secret"', QUOTED),
        ('Bearer "marked-secret"', QUOTED),
        ("“marked-secret”", QUOTED),
        ('marked-secret"', QUOTED),
        ("Bearer marked-secret again", "contains 2 words: put one token there, alone or after the word Bearer"),
        ("one\ntwo\nthree", "contains 3 words: put one token there, alone or after the word Bearer"),
        ("marked\u2013secret", "contains a character that no token has: copy the token again"),
        ("marked-secret\x1b[2J", "contains a character that no token has: copy the token again"),
    ],
)
def test_the_error_of_an_invalid_token_says_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(TokenError) as refusal:
        TokenSource(literal=text).read()
    assert refusal.value.problem == problem


DAY = 86_400.0
NOW = 1_767_225_600.0  # 2026-01-01


@pytest.mark.parametrize(
    ("expiry", "text"),
    [
        (NOW + 90 * DAY, "2026-04-01 (90 days left)"),
        (NOW + 1.5 * DAY, "2026-01-02 (1 day left)"),
        (NOW + 60, "2026-01-01 (0 days left)"),
        (NOW - 3 * DAY, "2025-12-29 (3 days ago)"),
        (None, "-"),
        (1e300, "never"),
    ],
)
def test_an_expiry_is_written_as_a_date_and_the_days_until_then(expiry: float | None, text: str) -> None:
    assert expiry_text(expiry, NOW) == text


def test_a_token_without_an_expiry_has_not_expired() -> None:
    assert expired_on(jwt({"exp": NOW - 3 * DAY}), NOW) == "2025-12-29 (3 days ago)"
    assert expired_on(jwt({"exp": NOW + 1}), NOW) is None
    assert expired_on("opaque", NOW) is None


def test_neither_repr_nor_str_of_a_source_shows_the_token() -> None:
    source = TokenSource(literal="marked-secret")
    assert "marked-secret" not in repr(source) + str(source) + f"{source}"


@pytest.mark.parametrize("prefix", ["", "Bearer ", " "])
def test_a_jwt_expires_when_its_exp_says(prefix: str) -> None:
    assert expiry_of(prefix + jwt({"exp": 1_767_225_600, "iat": 1})) == 1_767_225_600


@pytest.mark.parametrize(
    "token",
    [
        "",
        "opaque",
        "a.b.c",
        "..",
        jwt({}),
        jwt({"exp": None}),
        jwt({"exp": "soon"}),
        jwt({"exp": True}),
        jwt([]),
        jwt('{"exp": 1e999}'),
        jwt('{"exp": NaN}'),
        jwt('{"exp": ' + "9" * 400 + "}"),
        jwt('{"a": ' + "[" * 100_000),
        "é.é.é",
        jwt({"exp": 1}).replace(".", ".."),
    ],
    ids=range(15),
)
def test_a_token_that_is_not_a_jwt_with_exp_has_no_expiry(token: str) -> None:
    assert expiry_of(token) is None


@given(st.text() | st.binary().map(lambda body: f"h.{base64.urlsafe_b64encode(body).decode()}.s"))
def test_the_expiry_of_any_text_does_not_raise(token: str) -> None:
    assert expiry_of(token) is None or isinstance(expiry_of(token), float)


@contextmanager
def counted_reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """The token files that are read during the block."""
    counted: list[Path] = []
    read = files.read

    def count(file: Path) -> bytes:
        counted.append(file)
        return read(file)

    with monkeypatch.context() as patch:
        patch.setattr(files, "read", count)
        yield counted


async def test_streams_that_ask_at_the_same_time_share_a_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("a-token")
    reader = TokenReader(TokenSource(file=tmp_path / "token"))
    with counted_reads(monkeypatch) as counted:
        assert await asyncio.gather(*(reader.read() for _ in range(100))) == ["a-token"] * 100
    assert len(counted) == 1


async def test_a_later_call_returns_the_current_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("first")
    monkeypatch.setenv("SOME_TOKEN", "first")
    readers = [TokenReader(TokenSource(file=tmp_path / "token")), TokenReader(TokenSource(variable="SOME_TOKEN"))]
    assert [await reader.read() for reader in readers] == ["first", "first"]
    (tmp_path / "token").write_text("second")
    monkeypatch.setenv("SOME_TOKEN", "second")
    assert [await reader.read() for reader in readers] == ["second", "second"]


async def test_every_caller_gets_the_error_of_a_token(tmp_path: Path) -> None:
    reader = TokenReader(TokenSource(file=tmp_path / "nothing"))
    for error in await asyncio.gather(reader.read(), reader.read(), return_exceptions=True):
        assert isinstance(error, TokenError)
        assert str(error) == f"the token file {tmp_path}/nothing cannot be read " + (
            "(FileNotFoundError: No such file or directory): create it, or correct the path"
        )


async def test_reading_a_token_times_out_and_uses_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("a-token")
    reader = TokenReader(TokenSource(file=tmp_path / "token"), timeout_seconds=0.05)
    volume_is_back = threading.Event()
    readings: list[Path] = []

    def hang(file: Path) -> bytes:
        readings.append(file)
        volume_is_back.wait()
        return b"a-token"

    monkeypatch.setattr(files, "read", hang)
    try:
        for _ in range(3):
            with pytest.raises(TokenError, match=r"cannot be read within 0\.05 s: check the volume that it is on"):
                await asyncio.wait_for(reader.read(), SECONDS)
    finally:
        volume_is_back.set()
    assert len(readings) == 1
    assert await asyncio.wait_for(eventually(reader), SECONDS) == "a-token"


async def eventually(reader: TokenReader) -> str:
    while True:
        with suppress(TokenError):
            return await reader.read()


async def test_a_pipe_instead_of_a_token_file_is_rejected_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "token")
    source = TokenSource(file=tmp_path / "token")
    with pytest.raises(TokenError) as refused:
        source.read()
    assert str(refused.value) == (
        f"the token file {tmp_path}/token is a pipe, a device or a socket: put a regular file there"
    )
    with pytest.raises(TokenError):
        await TokenReader(source).read()


async def test_the_error_at_the_limit_of_open_files_names_the_limit(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-token")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(TokenError) as refused:
            await TokenReader(TokenSource(file=tmp_path / "token")).read()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert str(refused.value) == (
        f"the token file {tmp_path}/token cannot be read (OSError: Too many open files): "
        "raise the limit of open files (ulimit -n, LimitNOFILE=)"
    )


async def test_the_error_at_the_limit_of_threads_names_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("a-token")
    reader = TokenReader(TokenSource(file=tmp_path / "token"))

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(TokenError, match="raise the limit of tasks"):
            await reader.read()
    assert await reader.read() == "a-token"
