"""TLS in the web configuration file: the keys of the format, and every fault with its position."""

import ssl
from pathlib import Path

import pytest

from exporter.web.tls import Tls, is_allowed
from tests.certificates import Authority
from tests.web.site import Site
from tests.web.written import TLS, fault, loaded

VERIFY = ", client_auth_type: RequireAndVerifyClientCert"


def tls(certificates: Path, keys: str = "") -> Tls:
    """The section with certificate, key and these keys."""
    found = loaded(certificates, f"{TLS}{keys}}}").tls
    assert found is not None
    return found


def trusting(certificates: Path, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    """A client that supports TLS up to this version."""
    client = ssl.create_default_context(cafile=certificates / "authority.pem")
    client.maximum_version = newest
    return client


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLObject | None:
    """The client side of a connection; None if the handshake fails."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="localhost"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return None
    return ends[0]


TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize(
    ("keys", "newest_of_client", "agreed"),
    [
        ("", TLS12, "TLSv1.2"),
        ("", TLS13, "TLSv1.3"),
        (", min_version: TLS12", TLS12, "TLSv1.2"),
        (", min_version: TLS13", TLS13, "TLSv1.3"),
        (", min_version: TLS13", TLS12, None),
        (", max_version: TLS12", TLS13, "TLSv1.2"),
        (", max_version: TLS13", TLS13, "TLSv1.3"),
    ],
)
def test_only_tls_versions_within_the_configured_range_are_accepted(
    certificates: Path, keys: str, newest_of_client: ssl.TLSVersion, agreed: str | None
) -> None:
    end = handshake(tls(certificates, keys).context, trusting(certificates, newest_of_client))
    assert (end and end.version()) == agreed


SUITES = "[TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]"


@pytest.mark.parametrize(
    ("keys", "offered", "agreed"),
    [
        ("", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        (f", cipher_suites: {SUITES}", "ECDHE-ECDSA-CHACHA20-POLY1305", None),
        (f", cipher_suites: {SUITES}", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES256-SHA"),
        (
            f", cipher_suites: {SUITES}",
            "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-SHA",
            "ECDHE-ECDSA-AES256-SHA",
        ),
        (
            f", cipher_suites: {SUITES}, prefer_server_cipher_suites: false",
            "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-SHA",
            "ECDHE-ECDSA-AES128-GCM-SHA256",
        ),
    ],
)
def test_the_cipher_suites_of_tls_1_2_are_those_listed_in_order(
    certificates: Path, keys: str, offered: str, agreed: str | None
) -> None:
    client = trusting(certificates, TLS12)
    client.set_ciphers(offered)
    end = handshake(tls(certificates, keys).context, client)
    cipher = end and end.cipher()
    assert (cipher and cipher[0]) == agreed


def test_the_list_of_cipher_suites_does_not_affect_tls_1_3(certificates: Path) -> None:
    end = handshake(tls(certificates, f", cipher_suites: {SUITES}").context, trusting(certificates))
    assert end is not None
    assert end.version() == "TLSv1.3"


@pytest.mark.parametrize(("curve", "works"), [("CurveP521", False), ("X25519", True)])
def test_a_curve_can_be_chosen(certificates: Path, curve: str, works: bool) -> None:
    client = trusting(certificates)
    client.set_ecdh_curve("X25519")
    assert bool(handshake(tls(certificates, f", curve_preferences: [{curve}]").context, client)) == works


def with_certificate(certificates: Path, name: str = "client") -> ssl.SSLContext:
    client = trusting(certificates, TLS12)  # in 1.3 the handshake of a client ends before its certificate is verified
    client.load_cert_chain(certificates / f"{name}.crt", certificates / f"{name}.key")
    return client


def stranger(certificates: Path) -> ssl.SSLContext:
    """A client with a certificate of another authority."""
    other = Authority(certificates / "other").issue("client")
    client = trusting(certificates, TLS12)
    client.load_cert_chain(*other)
    return client


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize(
    ("asked", "without"), [("RequireAndVerifyClientCert", False), ("VerifyClientCertIfGiven", True)]
)
def test_client_certificates_are_verified(certificates: Path, asked: str, without: bool, inline: bool) -> None:
    pem = (certificates / "authority.pem").read_text()
    authority = f"client_ca: {pem!r}".replace("'", '"') if inline else "client_ca_file: authority.pem"
    context = tls(certificates, f", {authority}, client_auth_type: {asked}").context
    assert handshake(context, with_certificate(certificates))
    assert not handshake(context, stranger(certificates))
    assert bool(handshake(context, trusting(certificates, TLS12))) == without


@pytest.mark.parametrize("asked", ["RequireAndVerifyClientCert", "VerifyClientCertIfGiven"])
def test_without_an_authority_those_of_the_system_are_used(
    certificates: Path, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "authority.pem"))
    context = tls(certificates, f", client_auth_type: {asked}").context
    assert handshake(context, with_certificate(certificates))
    assert not handshake(context, stranger(certificates))


@pytest.mark.parametrize(
    ("allowed", "status"), [("[other.example, client.example]", 200), ("['0:0::1']", 200), ("[other.example]", 403)]
)
async def test_only_client_certificates_with_an_allowed_name_are_accepted(
    certificates: Path, allowed: str, status: int
) -> None:
    (certificates / "web.yml").write_text(
        f"{TLS}, client_ca_file: authority.pem{VERIFY}, client_allowed_sans: {allowed}}}"
    )
    async with Site(config_file=certificates / "web.yml") as site:
        site.trusting = with_certificate(certificates)
        response, _ = await site.get("/metrics")
        assert response.status == status
        assert site.pages.made == (status == 200)


def test_without_a_certificate_or_a_list_every_verified_client_is_allowed() -> None:
    certificate = {"subjectAltName": (("DNS", "a"), ("email", "a@b"), ("URI", "spiffe://a"))}
    assert is_allowed(certificate, frozenset())
    assert is_allowed(None, frozenset({"a"})), "only if the certificate is optional"
    assert is_allowed(certificate, frozenset({"a@b"}))
    assert is_allowed(certificate, frozenset({"spiffe://a"}))
    assert not is_allowed(certificate, frozenset({"b"}))
    assert not is_allowed({"subject": ()}, frozenset({"a"}))


@pytest.mark.parametrize("default", ["max_version: TLS13", "prefer_server_cipher_suites: true", "client_ca: ''"])
def test_a_default_value_may_be_written_explicitly(certificates: Path, default: str) -> None:
    assert tls(certificates, f", {default}")


@pytest.mark.parametrize("offer", ["true", "false"])
def test_http_2_is_ignored(certificates: Path, offer: str) -> None:
    assert loaded(certificates, f"{TLS}}}\nhttp_server_config: {{http2: {offer}}}").tls is not None


def test_paths_are_relative_to_the_file(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert tls(certificates)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("cert_file: server.crt", ': the key "key_file" is missing'),
        ("min_version: TLS13", ': the key "cert_file" is missing'),
        ("cert_file: '', key_file: a", ': the key "cert_file" is missing'),
        ("cert: x, key: y", ".cert: is not supported: put it into a file, and name it in cert_file"),
        ("cert_file: server.crt, key: y", ".key: is not supported: put it into a file, and name it in key_file"),
        *(
            (f"{{}}, {option}: {version}", f".{option}: must be TLS12 or TLS13: OpenSSL refuses all handshakes of")
            for option in ("min_version", "max_version")
            for version in ("TLS10", "TLS11", "TLS14")
        ),
        ("{}, min_version: TLS13, max_version: TLS12", ".max_version: must not be below min_version"),
        ("{}, client_auth_type: Maybe", ".client_auth_type: must be one of NoClientCert"),
        # Of the format, but it verifies nothing.
        ("{}, client_auth_type: RequestClientCert", ".client_auth_type: must be one of NoClientCert"),
        ("{}, client_ca_file: authority.pem", ".client_auth_type: requests no client certificate, but client_ca_file"),
        ("{}, client_allowed_sans: [a]", ".client_auth_type: requests no client certificate, but client_allowed_sans"),
        (f"{{}}, client_ca: a, client_ca_file: b{VERIFY}", ".client_ca: cannot be combined with client_ca_file"),
        (f"{{}}, client_ca: nonsense{VERIFY}", ".client_ca: must be valid certificates in PEM format"),
        ("{}, cipher_suites: [TLS_INVENTED]", ".cipher_suites: unknown cipher suite (number 1): known are TLS_"),
        ("{}, cipher_suites: [TLS_AES_128_GCM_SHA256]", ".cipher_suites: has no cipher suite of TLS 1.2: add one, or"),
        ("{}, curve_preferences: [CurveP257]", ".curve_preferences: must be one of CurveP256, CurveP384, CurveP521, "),
        ("{}, curve_preferences: [X25519, CurveP256]", ".curve_preferences: more than one curve is not supported"),
        ("{}, cipher_suites: {}", ".cipher_suites: must be a list, not a mapping"),
    ],
)
def test_every_fault_is_reported_with_its_place(certificates: Path, keys: str, message: str) -> None:
    text = keys.replace("{}", "cert_file: server.crt, key_file: server.key", 1)
    assert fault(certificates, f"tls_server_config: {{{text}}}").startswith(f"tls_server_config{message}")
