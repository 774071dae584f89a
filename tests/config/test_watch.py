"""Changed files are read after two equal checks, and at every check while reading them fails."""

from pathlib import Path

import pytest

from exporter.config.watch import Marks, watch_files

FAULT = RuntimeError("cannot be checked")


class EndOfChecksError(BaseException):
    """Ends the watcher."""


def marks(number: int) -> Marks:
    """The marks of a file after its nth change."""
    return {Path("x"): (number, 0, 0, 0)}


async def readings(checks: list[int | Exception], failures: int = 0) -> list[int]:
    """The numbers of the checks, from 1, that led to a reading. The first `failures` readings fail.

    The file was last read after change 0; `checks` has the number of its last change at each check.
    """
    number = 0
    read: list[int] = []
    last_read: Marks | None = marks(0)

    def current_marks() -> Marks:
        nonlocal number
        if number == len(checks):
            raise EndOfChecksError
        found = checks[number]
        number += 1
        if isinstance(found, Exception):
            raise found
        return marks(found)

    async def changed(now: Marks | None) -> None:
        nonlocal last_read
        read.append(number)
        last_read = None if len(read) <= failures else now or marks(0)

    with pytest.raises(EndOfChecksError):
        await watch_files(lambda: last_read, current_marks, changed, check_seconds=0.0)
    return read


async def test_unchanged_files_are_not_read() -> None:
    assert await readings([0, 0, 0]) == []


async def test_a_change_is_read_after_two_equal_checks() -> None:
    assert await readings([0, 1, 1, 1]) == [3]
    assert await readings([1, 2, 2, 2]) == [3]


async def test_a_change_that_was_undone_is_not_read() -> None:
    assert await readings([1, 0, 0]) == []


async def test_files_that_keep_changing_are_read_at_every_third_check() -> None:
    assert await readings([1, 2, 3, 4, 5, 6, 7]) == [3, 6]


async def test_a_failed_reading_is_retried_at_every_check() -> None:
    assert await readings([1, 1, 1, 1, 1], failures=2) == [2, 3, 4]


async def test_files_that_cannot_be_checked_are_read_and_still_watched() -> None:
    assert await readings([FAULT, FAULT, 0, 1, 1]) == [2, 5]
