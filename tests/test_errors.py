"""The part of a foreign exception that may be logged."""

import errno
import ssl

import pytest

from exporter.errors import TokenError, cause_of


def openssl(reason: str | None) -> ssl.SSLError:
    error = ssl.SSLError(524297, "[SSL] a text that quotes who knows what")
    error.reason = reason  # type: ignore[assignment]  # OpenSSL leaves it out at times, the stubs never
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TokenError("token file t", "is empty"), "the token file t is empty"),
        (OSError(errno.ENOENT, "marked-secret", "marked-file"), "FileNotFoundError: No such file or directory"),
        (OSError("marked-secret"), "OSError"),
        (ValueError("marked-secret"), "ValueError"),
        (openssl("KEY_VALUES_MISMATCH"), "SSLError: key values mismatch"),
        (openssl(None), "SSLError"),
    ],
)
def test_the_cause_is_our_text_or_that_of_the_errno_or_the_type(error: Exception, expected: str) -> None:
    assert cause_of(error) == expected
