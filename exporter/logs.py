"""The log: one line per event, as logfmt or JSON, on standard error.

The log lines of other libraries may hold URLs, so tokens, and payloads, so phone numbers. Only their warnings are
logged, without arguments; of an exception, only its type and where it was raised.
"""

import logging
import re
import sys
import traceback
from collections.abc import Hashable, MutableMapping
from contextlib import suppress
from typing import Any, Final, Literal, TextIO

import structlog

from exporter.errors import cause_of

Log = structlog.typing.FilteringBoundLogger
LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}

# A last safeguard: no log line should match; a match is removed.
_SECRETS: Final = (
    re.compile(r"eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?"),
    re.compile(r"(?i)(?<=token=)[^&\s\"']+"),
    re.compile(r"(?i)(?<=bearer)(?:%20|[ +])[^&\s\"']+"),
    re.compile(r"\+\d{8,15}\b"),
)
# Characters that would end a line or control the reader's terminal.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def create_log(level: str, log_format: Literal["logfmt", "json"], stream: TextIO | None = None) -> Log:
    """Return a log at `level` (a key of LEVELS)."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.processors.LogfmtRenderer(bool_as_flag=False)
    )
    log: Log = structlog.wrap_logger(
        _Lines(stream or sys.stderr),
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            _describe_exception,
            _in_order,
            renderer,
            _scrub,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
    )
    return log


def adopt_foreign_logs(log: Log) -> None:
    """Send the warnings of other libraries to `log`; drop their debug and info lines."""
    root = logging.getLogger()
    root.handlers[:] = [_Foreign(log)]
    root.setLevel(logging.WARNING)


def where(exception: BaseException) -> str:
    """Return the innermost frames of an exception, without values: `FILE:LINE FUNCTION < ...`."""
    frames = traceback.extract_tb(exception.__traceback__)[-4:]
    return " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in reversed(frames))


class Thinned:
    """Decides which occurrences of a repeated fault to log: the 1st, 2nd, 4th, 8th ..., until the fault is over.

    It is over when `reset` is called, or after two hours without it: longer than any retry waits.
    """

    QUIET_SECONDS: Final = 7200.0

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        # The number of occurrences of each fault, and the time of the last one.
        self._seen: dict[Hashable, tuple[int, float]] = {}

    def times_if_due(self, fault: Hashable, monotonic_now: float) -> int:
        """Count an occurrence of `fault`. Return how often it has occurred if it is to be logged, else 0."""
        times, last = self._seen.get(fault, (0, monotonic_now))
        times = 1 if monotonic_now - last > self.QUIET_SECONDS else times + 1
        self._seen[fault] = times, monotonic_now
        return times if times.bit_count() == 1 else 0

    def reset(self) -> None:
        """Forget all faults: they are over."""
        self._seen.clear()


class _Lines(structlog.PrintLogger):
    """Write lines. A line that cannot be written is lost: a full disk or a closed pipe must not end a stream."""

    def msg(self, message: str) -> None:
        with suppress(OSError, ValueError):
            super().msg(message)

    debug = info = warning = error = msg


class _Foreign(logging.Handler):
    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        # `record.msg` is the template. Its arguments, and all lines but the first, may hold secrets. So may a message
        # that is not a template: some libraries log an exception as it is.
        text = record.msg.partition("\n")[0] if isinstance(record.msg, str) else type(record.msg).__name__
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        fields: dict[str, object] = {"logger": record.name}
        if error is not None:
            fields |= {"error": cause_of(error), "at": where(error)}
        log = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        log(text, **fields)


def _describe_exception(_logger: object, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace `exc_info` by fields without secrets."""
    info: object = fields.pop("exc_info", None)
    error = info if isinstance(info, BaseException) else sys.exc_info()[1] if info else None
    if isinstance(error, BaseException):
        fields["error"] = cause_of(error)
        fields["at"] = where(error)
    return fields


def _in_order(_logger: object, method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put time, level and message first: people read a line from its beginning.

    The level is `warn`, as in --log.level and Prometheus, so that one search finds the warnings of all.
    """
    level = "warn" if method == "warning" else method
    return {"ts": fields.pop("ts"), "level": level, "msg": fields.pop("event"), **fields}


def _scrub(_logger: object, _method: str, line: str | bytes | MutableMapping[str, Any]) -> str:
    text = str(line)
    for secret in _SECRETS:
        text = secret.sub("<hidden>", text)
    return _CONTROL.sub("?", text)
