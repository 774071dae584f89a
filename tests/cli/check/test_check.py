"""`check --online`: the table, what to do, and how gently it asks."""

import base64
import io
import json
import ssl
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from exporter.cli import check
from exporter.cli.check import Finding, advice, run_online, table
from exporter.cli.handshake import Handshake
from exporter.config.load import AccountConfig, ChargerConfig, Config
from exporter.config.tokens import TokenSource
from tests.cli.check.service import OPEN4, UNSUPPORTED, Answer, open3, serving

NOW = 1_767_225_600.0  # 2026-01-01
DAY = 86_400.0


def config(url: str, *chargers: str, token: TokenSource | None = None, timeout: float = 5) -> Config:
    account = AccountConfig(
        name="delhi",
        url=url,
        token=token or TokenSource(literal="marked-secret"),
        chargers=tuple(ChargerConfig(id=charger) for charger in chargers or ("test",)),
        connect_timeout_seconds=timeout,
    )
    return Config(accounts=(account,))


def printed(config: Config) -> tuple[bool, str]:
    out, err = io.StringIO(), io.StringIO()
    works = run_online(config, stdout=out, stderr=err, concurrency=1)
    assert not err.getvalue(), "no progress where nobody watches it"
    return works, out.getvalue()


def finding(
    charger: str = "test", handshake: Handshake | None = None, expiry: float | None = None, problem: str | None = None
) -> Finding:
    return Finding(charger_id=charger, account="delhi", handshake=handshake, expiry=expiry, problem=problem)


def test_where_everything_works_the_table_says_so_and_nothing_else_is_said() -> None:
    token = "h." + base64.urlsafe_b64encode(json.dumps({"exp": 4_102_444_800}).encode()).decode().rstrip("=") + ".s"
    with serving(Answer(open3("40"))) as service:
        works, text = printed(config(service.url, token=TokenSource(literal=token)))
    header, row = text.splitlines()
    assert works
    assert " ".join(header.split()) == "CHARGER ACCOUNT REACHABLE PROTOCOL TOKEN TOKEN EXPIRES"
    assert " ".join(row.split()).startswith("test delhi yes Engine.IO 3 accepted 2100-01-01 (")


def test_what_does_not_work_has_a_line_that_says_what_to_do() -> None:
    with serving(Answer(open3('44"no"'))) as service:
        works, text = printed(config(service.url))
    _, row, empty, problem = text.splitlines()
    assert not works
    assert row.split() == ["test", "delhi", "yes", "Engine.IO", "3", "refused", "-"]
    assert empty == ""
    assert problem == "delhi: test: the service refuses the token, or this charger for it: check both"


@pytest.mark.parametrize(
    ("ours", "answers", "problem"),
    [
        (
            3,
            [UNSUPPORTED, Answer(OPEN4), Answer("40")],
            "the server speaks Engine.IO 4, this exporter 3: "
            "install python-socketio 5 in place of 4.6.1 (docs/install.md)",
        ),
        (
            4,
            [Answer(open3("40"))],
            "the server speaks Engine.IO 3, this exporter 4: "
            "install python-socketio 4.6.1 in place of 5 (docs/install.md)",
        ),
    ],
)
def test_a_server_of_the_other_generation_does_not_work(
    monkeypatch: pytest.MonkeyPatch, ours: int, answers: list[Answer], problem: str
) -> None:
    monkeypatch.setattr(check, "client_generation", lambda: ours)
    with serving(*answers) as service:
        works, text = printed(config(service.url))
    assert not works
    assert text.splitlines()[-1] == f"delhi: test: {problem}"


def test_a_token_that_cannot_be_read_is_said_and_nothing_is_asked(tmp_path: Path) -> None:
    with serving() as service:
        works, text = printed(config(service.url, token=TokenSource(file=tmp_path / "nothing")))
        assert not service.requests
    _, row, _, problem = text.splitlines()
    assert not works
    assert row.split() == ["test", "delhi", "-", "-", "unreadable", "-"]
    assert problem.startswith(f"delhi: test: the token file {tmp_path / 'nothing'} cannot be read")


@pytest.mark.parametrize(
    ("expiry", "cell"),
    [
        (NOW + 90 * DAY, "2026-04-01 (90 days left)"),
        (NOW + 1.5 * DAY, "2026-01-02 (1 day left)"),
        (NOW + 60, "2026-01-01 (0 days left)"),
        (NOW - 3 * DAY, "2025-12-29 (3 days ago)"),
        (None, "-"),
        (1e300, "never"),
    ],
)
def test_the_expiry_is_a_date_and_the_days_to_it(expiry: float | None, cell: str) -> None:
    _, row = table([finding(handshake=Handshake(generation=3, accepted=True), expiry=expiry)], NOW)
    assert row.endswith(f"accepted  {cell}")


def test_columns_line_up() -> None:
    lines = list(table([finding("a"), finding("veChargePoint0125896", Handshake(accepted=False))], NOW))
    assert len({line.index("delhi") for line in lines[1:]} | {lines[0].index("ACCOUNT")}) == 1


def test_chargers_with_the_same_problem_share_a_line() -> None:
    findings = [finding(str(number), problem="look at it") for number in range(8)]
    other = finding("other", problem="look at that")
    assert list(advice([*findings, other, finding("fine")])) == [
        "delhi: 0, 1, 2, 3, 4 and 3 more: look at it",
        "delhi: other: look at that",
    ]


@pytest.mark.parametrize(
    "answers",
    [
        [Answer(open3("40"))],
        [Answer(open3('44"marked-secret"'))],
        [Answer("marked-secret", 500)],
        [Answer("", 302, {"Location": "http://127.0.0.1:1/?token=marked-secret"})],
        [Answer(hang=True)],
        [Answer(open3()), Answer(hang=True)],
        [Answer(open3("40", '42["error","marked-secret"]'))],
    ],
    ids=range(7),
)
def test_the_token_is_never_printed(answers: list[Answer]) -> None:
    with serving(*answers) as service:
        _, text = printed(config(service.url, timeout=0.3))
        assert "marked-secret" in service.requests[0].query["token"]
    for url in ("http://127.0.0.1:1", "https://127.0.0.1:1"):
        text += printed(config(url))[1]
    assert "marked-secret" not in text


class _Crowd(ThreadingHTTPServer):
    """Accepts every token, and counts the handshakes that run together.

    The first `limit` of them wait for each other, and then a while for one more that should not come.
    """

    limit = 3

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _CrowdHandler)
        self.lock = threading.Lock()
        self.full = threading.Barrier(self.limit)
        self.overrun = threading.Event()
        self.seen = self.together = self.most = 0

    def enter(self) -> None:
        with self.lock:
            self.seen += 1
            self.together += 1
            self.most = max(self.most, self.together)
            early = self.seen <= self.limit
        if early:
            self.full.wait(10)
            self.overrun.wait(0.3)
        else:
            self.overrun.set()
        with self.lock:
            self.together -= 1


class _CrowdHandler(BaseHTTPRequestHandler):
    server: _Crowd

    def do_GET(self) -> None:
        self.server.enter()
        self._send(open3("40").encode())

    def do_POST(self) -> None:
        self._send(b"ok")

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_only_so_many_handshakes_run_at_a_time_and_all_of_them_run() -> None:
    chargers = [f"c{number}" for number in range(20)]
    out = io.StringIO()
    with _Crowd() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            asked = config(f"http://127.0.0.1:{server.server_port}", *chargers)
            assert run_online(asked, stdout=out, stderr=io.StringIO(), concurrency=server.limit)
        finally:
            server.shutdown()
            thread.join()
    assert server.most == server.limit
    assert [line.split()[0] for line in out.getvalue().splitlines()[1:]] == chargers


def test_insecure_skip_verify_is_taken_without_another_warning(server_tls: ssl.SSLContext) -> None:
    with serving(Answer(open3("40")), context=server_tls) as service:
        (account,) = config(service.url).accounts
        works, _ = printed(Config(accounts=(replace(account, insecure_skip_verify=True),)))
    assert works


def test_on_a_terminal_a_progress_bar_goes_to_stderr() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out, err = io.StringIO(), Terminal()
    with serving(Answer(open3("40"))) as service:
        run_online(config(service.url), stdout=out, stderr=err)
    assert "Chargers" in err.getvalue()
    assert "100%" in err.getvalue()
    assert "Chargers" not in out.getvalue()
