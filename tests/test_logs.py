"""The log: one line per event, as logfmt or JSON, without secrets."""

import errno
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import TokenError
from exporter.logs import LEVELS, Log, Thinned, adopt_foreign_logs, create_log, where

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6Im1hcmtlZCJ9.c2lnbmVk"
SECRETS = {
    "a JWT": (JWT, JWT),
    "a JWT in a sentence": (f"refused: {JWT}.", JWT),
    "a URL with a token": ("https://host/?token=Bearer%20marked-1&chargerId=test", "marked-1"),
    "a URL with a bare token": ("wss://host/?EIO=3&token=marked-2", "marked-2"),
    "a header": ("Authorization: Bearer marked-3", "marked-3"),
    "a header, percent-encoded": ("bearer%20marked-4", "marked-4"),
    "a phone number": ("call +911234567890 now", "911234567890"),
}


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(output: io.StringIO) -> Log:
    return create_log("debug", "logfmt", output)


@pytest.fixture(autouse=True)
def root_logger_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_of_logfmt_begins_with_time_level_and_message(log: Log, output: io.StringIO) -> None:
    log.info("stream connected", charger_id="test", times=3)
    assert re.fullmatch(
        r'ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z level=info msg="stream connected" charger_id=test times=3\n',
        output.getvalue(),
    )


def test_a_line_of_json_is_an_object(output: io.StringIO) -> None:
    create_log("debug", "json", output).warning("stream lost", charger_id='te"st')
    line = json.loads(output.getvalue())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("ts"))
    assert line == {"level": "warn", "msg": "stream lost", "charger_id": 'te"st'}


@pytest.mark.parametrize("log_format", ["logfmt", "json"])
def test_the_levels_in_the_log_are_those_of_the_flag(
    log_format: Literal["logfmt", "json"], output: io.StringIO
) -> None:
    log = create_log("debug", log_format, output)
    for method in (log.debug, log.info, log.warning, log.error, log.exception):
        method("event")
    logged = re.findall(r'level"?[=:] ?"?(\w+)', output.getvalue())
    assert list(dict.fromkeys(logged)) == list(LEVELS)


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("debug", ["debug", "info", "warn", "error"]),
        ("info", ["info", "warn", "error"]),
        ("warn", ["warn", "error"]),
        ("error", ["error"]),
    ],
)
def test_only_lines_of_the_level_and_above_are_shown(level: str, shown: list[str], output: io.StringIO) -> None:
    log = create_log(level, "json", output)
    for method in (log.debug, log.info, log.warning, log.error):
        method("event")
    assert [json.loads(line)["level"] for line in output.getvalue().splitlines()] == shown


@pytest.mark.parametrize("log_format", ["logfmt", "json"])
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_event_is_one_line(log_format: Literal["logfmt", "json"], text: str) -> None:
    output = io.StringIO()
    create_log("info", log_format, output).info(text, value=text)
    assert len(output.getvalue().splitlines()) == 1


@pytest.mark.parametrize("log_format", ["logfmt", "json"])
def test_control_characters_do_not_reach_the_terminal(
    log_format: Literal["logfmt", "json"], output: io.StringIO
) -> None:
    create_log("info", log_format, output).info("\x1b[31mred\r", value="\x1b[2J\x9b")
    assert output.getvalue().rstrip("\n").isprintable()


@pytest.mark.parametrize("log_format", ["logfmt", "json"])
@pytest.mark.parametrize("case", SECRETS)
def test_text_that_looks_like_a_secret_is_removed(
    log_format: Literal["logfmt", "json"], case: str, output: io.StringIO
) -> None:
    text, secret = SECRETS[case]
    log = create_log("debug", log_format, output)
    log.info(text)
    log.bind(bound=text).info("event", value=text, nested={"in": [text]})
    assert secret not in output.getvalue()
    assert output.getvalue().count("<hidden>") == 4


def test_text_that_is_not_a_secret_stays(log: Log, output: io.StringIO) -> None:
    log.info("charger veChargePoint0125896 at 2022-01-10T13:57:59.124Z: +12.5 kWh, token file /run/secrets/vecharge")
    assert "<hidden>" not in output.getvalue()


def test_a_line_that_cannot_be_written_is_lost_without_an_error() -> None:
    class FullDisk(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    closed = io.StringIO()
    closed.close()
    for stream in (FullDisk(), closed):
        log = create_log("info", "logfmt", stream)
        log.info("event")
        log.error("event", exc_info=ValueError())


def fail(text: str) -> None:
    raise ValueError(text)


def test_true_and_false_are_written_alike(log: Log, output: io.StringIO) -> None:
    log.info("reloaded", tls=True, http2=False)
    assert output.getvalue().endswith(" msg=reloaded tls=true http2=false\n")


class TestExceptions:
    """The type and place of an exception are logged; its text only if it is ours."""

    @pytest.mark.parametrize("by_value", [False, True])
    def test_the_text_of_another_librarys_exception_is_not_logged(
        self, log: Log, output: io.StringIO, by_value: bool
    ) -> None:
        try:
            fail("marked-secret")
        except ValueError as error:
            log.exception("internal error", exc_info=error if by_value else True)
        line = output.getvalue()
        assert "marked-secret" not in line
        assert "error=ValueError" in line
        assert re.search(r'at="test_logs.py:\d+ fail < test_logs.py:\d+ test_the_text_of_another_', line)
        assert line.count("\n") == 1

    def test_the_text_of_the_causes_is_not_logged(self, log: Log, output: io.StringIO) -> None:
        try:
            try:
                fail("marked-secret")
            except ValueError as cause:
                raise RuntimeError("marked-secret too") from cause
        except RuntimeError:
            log.error("internal error", exc_info=True)
        assert "marked-secret" not in output.getvalue()

    def test_the_text_of_our_own_exception_is_logged(self, log: Log, output: io.StringIO) -> None:
        log.error("failed", exc_info=TokenError("token file t", "is empty"))
        assert 'error="the token file t is empty"' in output.getvalue()

    def test_the_systems_text_for_an_errno_is_logged_without_the_file(self, log: Log, output: io.StringIO) -> None:
        log.error("failed", exc_info=PermissionError(errno.EACCES, "marked-secret", "/marked-secret"))
        assert 'error="PermissionError: Permission denied"' in output.getvalue()
        assert "marked-secret" not in output.getvalue()

    def test_where_names_the_innermost_frames_first(self) -> None:
        with pytest.raises(ValueError, match="no") as raised:
            fail("no")
        assert re.match(r"test_logs\.py:\d+ fail < test_logs\.py:\d+ test_where_names", where(raised.value))


class TestForeignLoggers:
    """Of other libraries only warnings are logged, without their arguments."""

    @pytest.fixture
    def foreign(self, log: Log) -> logging.Logger:
        adopt_foreign_logs(log)
        return logging.getLogger("engineio.client")

    @pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
    def test_debug_and_info_lines_are_dropped(self, foreign: logging.Logger, output: io.StringIO, level: int) -> None:
        foreign.log(level, "Attempting connection to %s", f"https://host/?token={JWT}")
        assert output.getvalue() == ""

    @pytest.mark.parametrize(
        ("level", "logged"),
        [(logging.WARNING, "warn"), (35, "warn"), (logging.ERROR, "error"), (logging.CRITICAL, "error")],
    )
    def test_a_warning_is_logged_without_its_arguments(
        self, foreign: logging.Logger, output: io.StringIO, level: int, logged: str
    ) -> None:
        foreign.log(level, "unexpected packet %s from %(user)s", {"user": "marked-secret"})
        line = output.getvalue()
        assert f'level={logged} msg="unexpected packet %s from %(user)s" logger=engineio.client\n' in line

    @pytest.mark.parametrize(
        "log_it",
        [
            lambda logger: logger.warning("Task was destroyed\ntask: marked-secret"),
            lambda logger: logger.warning(ValueError("marked-secret")),
            lambda logger: logger.error({"packet": "marked-secret"}),
            lambda logger: logger.error("failed", exc_info=ValueError("marked-secret")),
            lambda logger: logger.error("failed", stack_info=True, extra={"packet": "marked-secret"}),
            lambda logger: logger.error(f"unknown packet {JWT}"),
        ],
        ids=["second line", "exception as message", "object as message", "exc_info", "extra", "formatted"],
    )
    def test_the_extra_data_of_a_line_is_not_logged(
        self, foreign: logging.Logger, output: io.StringIO, log_it: Callable[[logging.Logger], None]
    ) -> None:
        log_it(foreign)
        assert output.getvalue().count("\n") == 1
        assert "marked-secret" not in output.getvalue()
        assert JWT not in output.getvalue()

    def test_the_type_and_place_of_an_exception_are_logged(self, foreign: logging.Logger, output: io.StringIO) -> None:
        try:
            fail("marked-secret")
        except ValueError:
            foreign.exception("failed")
        assert re.search(r'msg=failed logger=engineio.client error=ValueError at="test_logs.py:', output.getvalue())


class TestThinned:
    """A repeated fault is logged at its 1st, 2nd, 4th, 8th ... time."""

    def test_a_repeated_fault_is_logged_at_powers_of_two(self) -> None:
        thinned = Thinned()
        due = [thinned.times_if_due("fault", monotonic_now=float(n)) for n in range(9)]
        assert due == [1, 2, 0, 4, 0, 0, 0, 8, 0]

    def test_each_fault_is_counted_separately(self) -> None:
        thinned = Thinned()
        assert [thinned.times_if_due(fault, 0.0) for fault in ("a", "a", "a", "b")] == [1, 2, 0, 1]

    def test_counting_restarts_after_the_faults_are_over(self) -> None:
        thinned = Thinned()
        for _ in range(3):
            thinned.times_if_due("fault", 0.0)
        thinned.reset()
        assert thinned.times_if_due("fault", 0.0) == 1

    def test_a_fault_that_comes_once_a_day_is_logged_each_day(self) -> None:
        thinned = Thinned()
        assert [thinned.times_if_due("fault", day * 86_400.0) for day in range(5)] == [1] * 5

    def test_a_fault_that_occurs_hourly_is_persistent(self) -> None:
        thinned = Thinned()
        assert [thinned.times_if_due("fault", hour * 3600.0) for hour in range(4)] == [1, 2, 0, 4]
