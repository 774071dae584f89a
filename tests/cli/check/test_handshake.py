"""What a handshake tells of a server, for every kind of answer."""

import socket
import ssl
import time
import warnings
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.cli import handshake
from exporter.cli.handshake import Generation, Handshake, shake, trust
from exporter.config.load import AccountConfig, ChargerConfig
from exporter.config.tokens import TokenSource
from tests.cli.check.service import OPEN4, UNSUPPORTED, Answer, Request, open3, payload3, serving

REFUSED = "the service refuses the token, or this charger for it: check both"


def account(url: str, **fields: Any) -> AccountConfig:
    return AccountConfig(
        name="delhi",
        url=url,
        token=TokenSource(literal="marked-secret"),
        chargers=(ChargerConfig(id="test"),),
        **({"connect_timeout_seconds": 5.0} | fields),
    )


def shaken(url: str, ours: Generation = 3, **fields: Any) -> Handshake:
    asked = account(url, **fields)
    return shake(asked, "test", "marked-secret", trust(asked), ours)


def requests_of(*answers: Answer, ours: Generation = 3) -> list[Request]:
    with serving(*answers) as service:
        shaken(service.url, ours)
        return service.requests


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([Answer(open3("40"))], Handshake(generation=3, accepted=True)),
        ([Answer(open3()), Answer(payload3("40"))], Handshake(generation=3, accepted=True)),
        ([Answer(open3()), Answer(payload3("6")), Answer(payload3("40"))], Handshake(generation=3, accepted=True)),
        ([Answer(open3('42["chargerConnected",{}]'))], Handshake(generation=3, accepted=True)),
        ([Answer(open3("6🔌", "40"))], Handshake(generation=3, accepted=True)),
        (
            [Answer(open3('44"Authentication error"'))],
            Handshake(generation=3, accepted=False, problem=REFUSED),
        ),
        (
            [Answer(open3()), Answer(payload3('44{"message":"x"}'))],
            Handshake(generation=3, accepted=False, problem=REFUSED),
        ),
        (
            [UNSUPPORTED, Answer(OPEN4), Answer('40{"sid":"x"}')],
            Handshake(generation=4, accepted=True),
        ),
        (
            [UNSUPPORTED, Answer(OPEN4), Answer('2\x1e44{"message":"x"}')],
            Handshake(generation=4, accepted=False, problem=REFUSED),
        ),
    ],
    ids=[
        "accepted-at-once",
        "accepted-in-the-second-poll",
        "accepted-after-a-noop",
        "accepted-since-events-come",
        "lengths-in-utf-16-units",
        "refused-at-once",
        "refused-in-the-second-poll",
        "generation-4-accepted",
        "generation-4-refused",
    ],
)
def test_the_token_is_accepted_with_connect_and_refused_with_error(answers: list[Answer], outcome: Handshake) -> None:
    with serving(*answers) as service:
        assert shaken(service.url) == outcome


def test_the_generation_is_told_by_the_answer_and_not_by_the_question() -> None:
    # A server 2.x ignores EIO=4 and answers in its own framing.
    with serving(Answer(open3("40"))) as service:
        assert shaken(service.url, ours=4).generation == 3


def test_a_charger_that_another_device_holds_is_a_problem() -> None:
    with serving(Answer(open3("40", '42["error","Charger already connected to other device"]'))) as service:
        outcome = shaken(service.url)
    assert outcome.accepted
    assert outcome.problem is not None
    assert "while another device or exporter is connected" in outcome.problem


def test_token_and_charger_go_percent_encoded_in_the_query() -> None:
    (first, *_) = requests_of(Answer(open3("40")))
    assert (first.method, first.path) == ("GET", "/socket.io/")
    assert first.query == {
        "token": "Bearer marked-secret",
        "chargerId": "test",
        "EIO": "3",
        "transport": "polling",
        "b64": "1",
    }


@pytest.mark.parametrize(
    ("answers", "goodbye"),
    [
        ([Answer(open3("40"))], ("SID3", "1:1")),
        ([Answer(open3('44"no"'))], ("SID3", "1:1")),
        ([Answer(open3()), Answer("", 502)], ("SID3", "1:1")),
        ([UNSUPPORTED, Answer(OPEN4), Answer('40{"sid":"x"}')], ("SID4", "1")),
    ],
    ids=["accepted", "refused", "broken-off", "generation-4"],
)
def test_a_session_that_was_opened_is_closed_so_that_the_charger_is_free_again(
    answers: list[Answer], goodbye: tuple[str, str]
) -> None:
    last = requests_of(*answers)[-1]
    assert (last.method, last.query["sid"], last.body) == ("POST", *goodbye)


def test_generation_4_is_asked_for_the_namespace() -> None:
    posts = [one for one in requests_of(UNSUPPORTED, Answer(OPEN4), Answer("40")) if one.method == "POST"]
    assert [(one.query["EIO"], one.body) for one in posts] == [("4", "40"), ("4", "1")]


@pytest.mark.parametrize(
    ("answer", "accepted", "problem"),
    [
        (Answer("", 401), False, "the service refuses the token (HTTP 401): check it"),
        (Answer("", 403), False, "the service refuses the token (HTTP 403): check it"),
        (
            Answer("", 302, {"Location": "http://127.0.0.1:1/?token=marked-secret"}),
            None,
            "the server answers HTTP 302 to the handshake: it leads elsewhere, and redirects are not followed: "
            "put the final address into url",
        ),
        (
            Answer("", 404),
            None,
            "the server answers HTTP 404 to the handshake: there is no Socket.IO at this address: check url",
        ),
        (Answer("", 429), None, "the server answers HTTP 429 to the handshake: too many requests: wait a while"),
        (Answer("", 503), None, "the server answers HTTP 503 to the handshake: look at the service"),
        (Answer("<html>"), None, "what answers is no Socket.IO server: check url"),
        (Answer(""), None, "what answers is no Socket.IO server: check url"),
        (Answer("2:40"), None, "what answers is no Socket.IO server: check url"),
        (Answer('0{"sid":7}'), None, "what answers is no Socket.IO server: check url"),
        (Answer("0" + "[" * 50_000), None, "what answers is no Socket.IO server: check url"),
        (
            Answer("x" * 10_000_000),
            None,
            "what answers sends more than 65536 bytes to a handshake: check url",
        ),
    ],
    ids=lambda value: f"{value.status}-{value.body[:9]}" if isinstance(value, Answer) else "",
)
def test_an_answer_that_is_no_handshake_is_said_with_what_to_do(
    answer: Answer, accepted: bool | None, problem: str
) -> None:
    with serving(answer) as service:
        assert shaken(service.url) == Handshake(accepted=accepted, problem=problem)
        assert len(service.requests) == 1, "redirects are not followed, nothing is tried again"


def test_a_bad_request_of_another_kind_is_said_as_it_is() -> None:
    with serving(Answer("", 400), Answer("", 503)) as service:
        assert shaken(service.url).problem == "the server answers HTTP 400 to the handshake: look at the service"


@pytest.mark.parametrize("answer", [Answer(hang=True), Answer(trickle=True)], ids=["silent", "trickling"])
def test_connect_timeout_limits_all_of_it(answer: Answer) -> None:
    with serving(answer) as service:
        begun = time.monotonic()
        outcome = shaken(service.url, connect_timeout_seconds=0.3)
        assert time.monotonic() - begun < 2
    assert outcome == Handshake(
        reachable=False,
        problem="no answer within 0.3 s: look at service and network, or raise connect_timeout",
    )


def test_silence_about_the_token_is_told_from_silence() -> None:
    with serving(Answer(open3()), Answer(hang=True)) as service:
        outcome = shaken(service.url, connect_timeout_seconds=0.3)
    assert outcome == Handshake(
        generation=3,
        problem="the service says nothing about the token within 0.3 s: try again, or raise connect_timeout",
    )


def test_a_port_where_nothing_listens_is_unreachable() -> None:
    with serving() as service:
        url = service.url
    assert shaken(url) == Handshake(
        reachable=False,
        problem="the server cannot be reached (ConnectionRefusedError: Connection refused): "
        "check url, network and firewall",
    )


def test_a_name_that_does_not_resolve_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_name(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    outcome = shaken("http://nowhere.invalid")
    assert outcome.problem == "the server's name cannot be resolved: check url and DNS"


def test_a_certificate_is_not_trusted_unless_ca_file_says_so(certificate: Path, server_tls: ssl.SSLContext) -> None:
    with serving(Answer(open3("40")), context=server_tls) as service:
        assert shaken(service.url) == Handshake(
            reachable=False,
            problem="the server's certificate is not trusted (self-signed certificate): "
            "check url, ca_file and the server's certificate",
        )
        assert shaken(service.url, ca_file=certificate) == Handshake(generation=3, accepted=True)


def test_insecure_skip_verify_trusts_every_certificate(server_tls: ssl.SSLContext) -> None:
    with serving(Answer(open3("40")), context=server_tls) as service, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert shaken(service.url, insecure_skip_verify=True) == Handshake(generation=3, accepted=True)


def test_https_to_a_server_that_speaks_http_is_said_to_be_tls() -> None:
    with serving(Answer(open3("40"))) as service:
        outcome = shaken(service.url.replace("http:", "https:"))
    assert outcome == Handshake(reachable=False, problem="TLS failed: check that url begins as the server wants it")


def test_the_proxy_of_the_environment_is_used_and_netrc_is_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "netrc").write_text("machine service.test login user password marked-secret\n")
    # It answers in the service's place: nobody else knows that name.
    with serving(Answer(open3("40"))) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert shaken("http://service.test").accepted
    assert proxy.requests[0].headers["Host"] == "service.test"
    assert "Authorization" not in proxy.requests[0].headers


@given(st.text(max_size=200))
def test_any_text_as_an_answer_is_taken_apart_without_a_fault(body: str) -> None:
    generation, packets = handshake._packets(body)  # noqa: SLF001  (one HTTP server per example would be slow)
    assert generation in (3, 4)
    assert handshake._sid_of(packets) is None or packets[0].startswith("0")  # noqa: SLF001
